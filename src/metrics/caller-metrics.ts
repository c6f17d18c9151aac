import { Injectable } from '@nestjs/common';
import { ApiKeyAuthenticator } from '../caller-auth/api-key-authenticator.js';
import { MetricsRegistry } from './instruments.js';

/** When callers used their keys: one that is used no more may go. */
@Injectable()
export class CallerMetrics {
  constructor(instruments: MetricsRegistry, keys: ApiKeyAuthenticator) {
    instruments.gauge({
      name: 'api_key_last_used_timestamp_seconds',
      help: 'When each API key was last used here, since 1970; its place among the keys of its caller; missing if not since the start',
      labels: ['caller', 'key'],
      collect: () =>
        keys
          .keyUsage()
          .flatMap(({ caller, key, lastUsedAt: usedAt }) =>
            usedAt ? [[{ caller, key: String(key) }, usedAt.getTime() / 1000] as const] : [],
          ),
    });
  }
}
