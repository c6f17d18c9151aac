import { Injectable } from '@nestjs/common';
import { CallbackCounters } from '../kiip-callbacks/callback-counters.js';
import { MetricsRegistry } from './instruments.js';

/** What Kiip sends, and by which formula and secret: when one is used no more, it may go. */
@Injectable()
export class CallbackMetrics {
  constructor(instruments: MetricsRegistry, counters: CallbackCounters) {
    instruments.counter({
      name: 'kiip_callbacks_total',
      help: 'Callbacks by what became of them; not-stored: answered 5xx; kind is empty where it says nothing',
      labels: ['outcome', 'kind'],
      collect: () => counters.outcomes(),
    });
    instruments.counter({
      name: 'kiip_callback_signatures_verified_total',
      help: 'Callbacks whose signature fits, by the formula and the secret (its place in KIIP_APP_SECRETS)',
      labels: ['formula', 'secret'],
      collect: () => counters.signatures(),
    });
  }
}
