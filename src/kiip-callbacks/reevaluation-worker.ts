import { Injectable, Logger } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { PollingLoop } from '../async/polling-loop.js';
import { Config } from '../config/config.js';
import { StorageUnavailableError } from '../database/storage-error.js';
import { summarizeError } from '../log/error-summary.js';
import { PromisedRewardsService } from '../promised-rewards/promised-rewards.service.js';
import { ReevaluationService } from './reevaluation.service.js';

/** Normally the process that stores a promise looks for its callbacks. This finds what a process that has ended has left. */
const SWEEP_INTERVAL_MS = 10_000;
/** While moments return rewards one after the other, those of this time share a statement. */
export const STORED_INTERVAL_MS = 50;
/** How far the first sweep looks back: a process that has ended is replaced within this time. */
const FIRST_SWEEP_MS = 3 * 86_400_000;
/** More than a transaction takes from its start, which is the time of its promise, to its end. */
const SWEEP_OVERLAP_MS = 600_000;

/**
 * Decides quarantined callbacks again when the response to their moment has been stored: Kiip may send a callback before this
 * service has stored what the moment returned. Each is recorded once, by the replica that comes first.
 */
@Injectable()
export class ReevaluationWorker implements BeforeApplicationShutdown, OnApplicationBootstrap {
  private readonly logger = new Logger('ReevaluationWorker');
  private readonly stored = new Set<string>();
  private readonly storedLoop: PollingLoop;
  private readonly sweepLoop: PollingLoop;
  /** When the last complete sweep began, by `performance.now()`. */
  private sweptAt = -FIRST_SWEEP_MS;

  constructor(
    private readonly reevaluation: ReevaluationService,
    private readonly promisedRewards: PromisedRewardsService,
    private readonly config: Config,
  ) {
    const onFailure = (error: unknown) => this.report(error);
    this.storedLoop = new PollingLoop(
      () => this.settleStored(),
      SWEEP_INTERVAL_MS,
      onFailure,
      STORED_INTERVAL_MS,
    );
    this.sweepLoop = new PollingLoop(() => this.sweep(), SWEEP_INTERVAL_MS, onFailure);
  }

  onApplicationBootstrap(): void {
    // It receives no callbacks, so it need not know their rules, such as KIIP_CURRENCIES.
    if (this.config.role === 'worker') return;
    this.promisedRewards.onStored((ids) => {
      for (const id of ids) this.stored.add(id);
      this.storedLoop.notify();
    });
    this.storedLoop.start();
    this.sweepLoop.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all([this.storedLoop.stop(), this.sweepLoop.stop()]);
  }

  /** The callbacks of the promises that this process has just stored. @returns false: more of them notify the loop */
  private async settleStored(): Promise<false> {
    const ids = [...this.stored];
    this.stored.clear();
    if (ids.length > 0) await this.reevaluation.reevaluateTransactions(ids);
    return false;
  }

  private async sweep(): Promise<boolean> {
    const startedAt = performance.now();
    const withinMs = startedAt - this.sweptAt + SWEEP_OVERLAP_MS;
    if ((await this.reevaluation.reevaluatePromised(withinMs)) > 0) return true;
    this.sweptAt = startedAt;
    return false;
  }

  /** The sweep repeats what has failed. */
  private report(error: unknown): void {
    if (error instanceof StorageUnavailableError) return;
    this.logger.error({ msg: 'reevaluation of quarantined callbacks failed', ...summarizeError(error) });
  }
}
