import { Module } from '@nestjs/common';
import { Config } from '../config/config.js';
import { BreakerRegistry } from '../upstream/breaker-registry.js';
import { RetryInterceptor } from '../upstream/retry.interceptor.js';
import { BearerInterceptor } from './bearer.interceptor.js';
import { KigoApiKey } from './kigo-api-key.js';
import { KigoHttp, kigoKeyPrefix, kigoOptions } from './kigo-http.js';
import { KigoKeyRotationService } from './kigo-key-rotation.service.js';
import { KigoLogin, KigoLoginHttp } from './kigo-login.js';
import { KigoTokenStatus } from './kigo-token-status.js';
import { KigoTokenService } from './kigo-token.service.js';
import { LoginLock } from './login-lock.js';
import { RefreshInterceptor } from './refresh.interceptor.js';
import { SharedTokenStore } from './shared-token-store.js';

/** Logs in to Kigo with the partner credentials, and provides authenticated calls to the other modules. */
@Module({
  providers: [
    BearerInterceptor,
    KigoApiKey,
    KigoKeyRotationService,
    KigoLogin,
    KigoTokenService,
    { provide: KigoTokenStatus, useExisting: KigoTokenService },
    LoginLock,
    RefreshInterceptor,
    SharedTokenStore,
    {
      provide: KigoLoginHttp,
      inject: [Config, BreakerRegistry],
      useFactory: (config: Config, breakers: BreakerRegistry) =>
        new KigoLoginHttp({
          ...kigoOptions(config, breakers),
          operations: ['login'],
          concurrency: 2,
          queue: 2,
          // Without a retry budget: other calls cannot use up what every call depends on.
          interceptors: [new RetryInterceptor(breakers)],
        }),
    },
    {
      provide: KigoHttp,
      inject: [Config, BreakerRegistry, BearerInterceptor, RefreshInterceptor, RetryInterceptor],
      useFactory: (
        config: Config,
        breakers: BreakerRegistry,
        bearer: BearerInterceptor,
        refresh: RefreshInterceptor,
        retry: RetryInterceptor,
      ) =>
        new KigoHttp(kigoKeyPrefix(config), {
          ...kigoOptions(config, breakers),
          operations: ['lookup', 'hub-summary'],
          concurrency: 64,
          queue: 1_000,
          interceptors: [bearer, refresh, retry],
        }),
    },
  ],
  exports: [KigoHttp, KigoTokenStatus],
})
export class KigoAuthModule {}
