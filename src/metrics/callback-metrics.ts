import { Injectable } from '@nestjs/common';
import { CallbackCounters } from '../kiip-callbacks/callback-counters.js';
import { MetricsRegistry } from './metrics-registry.js';

/** Callbacks by outcome, and by the signature scheme and the secret that verified them: an unused secret can be removed. */
@Injectable()
export class CallbackMetrics {
  constructor(registry: MetricsRegistry, counters: CallbackCounters) {
    registry.counter({
      name: 'kiip_callbacks_total',
      help: 'Callbacks by outcome; failed: answered with 5xx; limited: wrong, and beyond the rate limit; too_large, not_read: rejected before they were read; kind is empty for outcomes without one',
      labels: ['outcome', 'kind'],
      collect: () => counters.outcomes(),
    });
    registry.counter({
      name: 'kiip_callback_signatures_verified_total',
      help: 'Callbacks with a valid signature, by scheme and by the secret (its position in KIIP_APP_SECRETS)',
      labels: ['scheme', 'secret_index'],
      collect: () => counters.signatures(),
    });
  }
}
