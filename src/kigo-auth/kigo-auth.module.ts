import { Module } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Circuits } from '../upstream/breaker-registry.js';
import { installBearer } from './bearer.interceptor.js';
import { KigoApiKey } from './kigo-api-key.js';
import { KigoHttp } from './kigo-http.js';
import { KigoKeyChange } from './kigo-key-rotation.service.js';
import { KigoLogin, KigoLoginHttp } from './kigo-login.js';
import { kigoScope } from './kigo-scope.js';
import { KigoTokenService } from './kigo-token.service.js';
import { installRefresh } from './refresh.interceptor.js';
import { TokenVault } from './shared-token-store.js';

function upstream(config: Config, circuits: Circuits) {
  return {
    circuits,
    vendor: 'kigo' as const,
    baseUrl: config.kigoBaseUrl,
    timeoutMs: config.kigoTimeoutMs,
    deadlineMs: config.upstreamDeadlineMs,
  };
}

/** Logs in to Kigo with the partner credentials and gives everybody else authenticated calls. */
@Module({
  providers: [
    KigoApiKey,
    KigoKeyChange,
    KigoLogin,
    KigoTokenService,
    TokenVault,
    {
      provide: KigoLoginHttp,
      inject: [Config, Circuits],
      useFactory: (config: Config, circuits: Circuits) =>
        new KigoLoginHttp({ ...upstream(config, circuits), operations: ['login'], concurrency: 2, queue: 2 }),
    },
    {
      provide: KigoHttp,
      inject: [Config, Circuits, KigoTokenService],
      useFactory: (config: Config, circuits: Circuits, tokens: KigoTokenService) =>
        new KigoHttp(kigoScope(config), {
          ...upstream(config, circuits),
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
