import { Inject, Injectable } from '@nestjs/common';
import { CallbackCounters } from '../kiip-callbacks/callback-counters.js';
import { CallbackIntakeService } from '../kiip-callbacks/callback-intake.service.js';
import { CallbackSpool } from '../kiip-callbacks/callback-spool.js';
import type { SpoolFile } from '../kiip-callbacks/callback-spool.js';
import { PromisedRewardsService } from '../promised-rewards/promised-rewards.service.js';
import { MetricsRegistry } from './metrics-registry.js';
import type { Samples } from './metrics-registry.js';

/** Callbacks by outcome, and by the signature scheme and the secret that verified them: an unused secret can be removed. */
@Injectable()
export class CallbackMetrics {
  constructor(
    registry: MetricsRegistry,
    counters: CallbackCounters,
    intake: CallbackIntakeService,
    @Inject(CallbackSpool) private readonly spool: CallbackSpool | undefined,
    promisedRewards: PromisedRewardsService,
  ) {
    registry.counter({
      name: 'kiip_callbacks_total',
      help: 'Callbacks by outcome; failed: answered with 5xx; spooled ones are counted again when they are recorded; rate_limited: not valid, and beyond the rate limit; kind is empty for outcomes without one',
      labels: ['outcome', 'kind'],
      collect: () => counters.outcomes(),
    });
    registry.gauge({
      name: 'kiip_callbacks_held',
      help: 'Callbacks that wait for the database, with their requests',
      collect: () => [[{}, intake.held]],
    });
    registry.gauge({
      name: 'kiip_callbacks_spooled',
      help: 'Callbacks in SPOOL_DIR by state; failed: their file is kept for a person; every replica of a shared folder exports the same',
      labels: ['state'],
      collect: async () => {
        const files = await this.files();
        const countOf = (isFailed: boolean) =>
          files?.filter(({ failed }) => failed === isFailed).reduce((sum, { count }) => sum + count, 0);
        return toSamples({ waiting: countOf(false), failed: countOf(true) });
      },
    });
    registry.gauge({
      name: 'kiip_callbacks_spooled_age_seconds',
      help: 'Age of the oldest callback that waits in SPOOL_DIR; 0 if there is none',
      collect: async () => {
        const files = await this.files();
        const [oldest] = files?.filter(({ failed }) => !failed) ?? [];
        return files ? [[{}, oldest?.ageSeconds ?? 0]] : [];
      },
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

  /** Undefined while the folder cannot be read, so that the other metrics are still exported. */
  private async files(): Promise<SpoolFile[] | undefined> {
    try {
      return (await this.spool?.files()) ?? [];
    } catch {
      return undefined;
    }
  }
}

function* toSamples(counts: Record<string, number | undefined>): Samples {
  for (const [state, count] of Object.entries(counts)) if (count !== undefined) yield [{ state }, count];
}
