import { Injectable } from '@nestjs/common';
import { CallbackCounters } from '../kiip-callbacks/callback-counters.js';
import { PromisedRewardsService } from '../promised-rewards/promised-rewards.service.js';
import { MetricsRegistry } from './metrics-registry.js';

/** Callbacks by outcome, and by the signature scheme and the secret that verified them: an unused secret can be removed. */
@Injectable()
export class CallbackMetrics {
  constructor(
    registry: MetricsRegistry,
    counters: CallbackCounters,
    promisedRewards: PromisedRewardsService,
  ) {
    registry.counter({
      name: 'kiip_callbacks_total',
      help: 'Callbacks by outcome; failed: answered with 5xx; rate_limited: not valid, and beyond the rate limit; kind is empty for outcomes without one',
      labels: ['outcome', 'kind'],
      collect: () => counters.outcomes(),
    });
    registry.counter({
      name: 'kiip_callback_signatures_verified_total',
      help: 'Callbacks with a valid signature, by scheme and by the secret (its position in KIIP_APP_SECRETS)',
      labels: ['scheme', 'secret_index'],
      collect: () => counters.signatures(),
    });
    registry.counter({
      name: 'kiip_callback_signatures_reused_total',
      help: 'Well-formed callbacks with the signed text of another one but other fields',
      collect: () => [[{}, counters.signatureReuses]],
    });
    registry.counter({
      name: 'kiip_callback_matches_total',
      help: 'Recorded callbacks by the id of the reward that they name; none: no moment has returned it',
      labels: ['promised_id'],
      collect: () => counters.matches(),
    });
    registry.counter({
      name: 'kiip_promised_rewards_total',
      help: 'Rewards of moments by outcome: stored, delayed (not at the first try), dropped',
      labels: ['outcome'],
      collect: () =>
        Object.entries(promisedRewards.outcomes()).map(([outcome, count]) => [{ outcome }, count] as const),
    });
  }
}
