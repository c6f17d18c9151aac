import { Injectable } from '@nestjs/common';
import { ApiKeys } from '../caller-auth/api-key-authenticator.js';
import { Instruments } from './instruments.js';

/** When callers used their keys: one that is used no more may go. */
@Injectable()
export class CallerMetrics {
  constructor(instruments: Instruments, keys: ApiKeys) {
    instruments.gauge({
      name: 'api_key_last_used_timestamp_seconds',
      help: 'When each API key was last used here, since 1970; its place among the keys of its caller; missing if not since the start',
      labels: ['caller', 'key'],
      read: () =>
        keys
          .lastUsed()
          .flatMap(({ caller, key, usedAt }) =>
            usedAt ? [[{ caller, key: String(key) }, usedAt.getTime() / 1000] as const] : [],
          ),
    });
  }
}
