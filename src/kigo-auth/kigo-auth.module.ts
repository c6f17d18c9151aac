import { Module } from '@nestjs/common';
import { Config } from '../config/config.js';
import { BreakerRegistry } from '../upstream/breaker-registry.js';
import { installBearer } from './bearer.interceptor.js';
import { KigoApiKey } from './kigo-api-key.js';
import { KigoHttp } from './kigo-http.js';
import { KigoKeyRotationService } from './kigo-key-rotation.service.js';
import { KigoLogin, KigoLoginHttp } from './kigo-login.js';
import { kigoScope } from './kigo-scope.js';
import { KigoTokenService } from './kigo-token.service.js';
import { installRefresh } from './refresh.interceptor.js';
import { SharedTokenStore } from './shared-token-store.js';

function upstreamOptions(config: Config, breakers: BreakerRegistry) {
  return {
    breakers: breakers,
    upstream: 'kigo' as const,
    baseUrl: config.kigoBaseUrl,
    timeoutMs: config.kigoTimeoutMs,
    deadlineMs: config.upstreamDeadlineMs,
  };
}

/** Logs in to Kigo with the partner credentials and gives everybody else authenticated calls. */
@Module({
  providers: [
    KigoApiKey,
    KigoKeyRotationService,
    KigoLogin,
    KigoTokenService,
    SharedTokenStore,
    {
      provide: KigoLoginHttp,
      inject: [Config, BreakerRegistry],
      useFactory: (config: Config, circuits: BreakerRegistry) =>
        new KigoLoginHttp({
          ...upstreamOptions(config, circuits),
          operations: ['login'],
          concurrency: 2,
          queue: 2,
        }),
    },
    {
      provide: KigoHttp,
      inject: [Config, BreakerRegistry, KigoTokenService],
      useFactory: (config: Config, circuits: BreakerRegistry, tokens: KigoTokenService) =>
        new KigoHttp(kigoScope(config), {
          ...upstreamOptions(config, circuits),
          operations: ['lookup', 'hub-summary'],
          concurrency: 64,
          queue: 1_000,
          install: (client) => {
            installBearer(client, tokens);
            installRefresh(client, tokens);
          },
        }),
    },
  ],
  exports: [KigoHttp, KigoTokenService],
})
export class KigoAuthModule {}
