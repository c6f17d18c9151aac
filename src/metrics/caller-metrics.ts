import { Injectable } from '@nestjs/common';
import { ApiKeyAuthenticator } from '../caller-auth/api-key-authenticator.js';
import { FailedCredentialsService } from '../caller-auth/failed-credentials.service.js';
import { MetricsRegistry } from './metrics-registry.js';

/** When each API key was last used (an unused key can be removed), and how many credentials have failed. */
@Injectable()
export class CallerMetrics {
  constructor(registry: MetricsRegistry, keys: ApiKeyAuthenticator, failures: FailedCredentialsService) {
    registry.counter({
      name: 'failed_credentials_total',
      help: 'Requests of callers with a credential that is not accepted; limited: answered with 429, since the address had too many',
      labels: ['outcome'],
      collect: () => Object.entries(failures.counts).map(([outcome, count]) => [{ outcome }, count] as const),
    });
    registry.gauge({
      name: 'api_key_last_used_timestamp_seconds',
      help: 'Unix time of the last use of each API key since the start; key is its position among the keys of the caller',
      labels: ['caller', 'key'],
      collect: () =>
        keys
          .keyUsage()
          .flatMap(({ caller, key, lastUsedAt }) =>
            lastUsedAt ? [[{ caller, key: String(key) }, lastUsedAt.getTime() / 1000] as const] : [],
          ),
    });
  }
}
