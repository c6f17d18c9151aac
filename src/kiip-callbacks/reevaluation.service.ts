import { Injectable, Logger } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { PollingLoop } from '../async/polling-loop.js';
import { StorageUnavailableError } from '../database/storage-error.js';
import type { QuarantinedCallback } from '../ledger/ledger-entry.js';
import { LedgerService } from '../ledger/ledger.service.js';
import { summarizeError } from '../log/error-summary.js';
import { PromisedRewardsService } from '../promised-rewards/promised-rewards.service.js';
import { KiipCallbacksService } from './kiip-callbacks.service.js';

/** How many entries were recorded, and how many stay quarantined. */
export interface ReevaluationCounts {
  recorded: number;
  quarantined: number;
}

/** Normally the process that stores a promise looks for its callbacks. This finds what a process that has ended has left. */
const SWEEP_INTERVAL_MS = 2_000;
/** More than the clocks of the database and of processes differ. */
const SWEEP_OVERLAP_MS = 600_000;

/**
 * Decides quarantined callbacks again when the response to their moment has been stored: Kiip may send a callback before this
 * service has stored what the moment returned. Each is recorded once, by whichever replica comes first.
 */
@Injectable()
export class ReevaluationService implements BeforeApplicationShutdown, OnApplicationBootstrap {
  private readonly logger = new Logger('ReevaluationService');
  private readonly stored = new Set<string>();
  private readonly storedLoop: PollingLoop;
  private readonly sweepLoop: PollingLoop;
  /** At first all of them. */
  private sweepFrom = new Date(0);

  constructor(
    private readonly ledger: LedgerService,
    private readonly callbacks: KiipCallbacksService,
    private readonly promisedRewards: PromisedRewardsService,
  ) {
    const onFailure = (error: unknown) => this.report(error);
    this.storedLoop = new PollingLoop(() => this.settleStored(), SWEEP_INTERVAL_MS, onFailure);
    this.sweepLoop = new PollingLoop(() => this.sweep(), SWEEP_INTERVAL_MS, onFailure);
  }

  onApplicationBootstrap(): void {
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

  /** Decides every quarantined callback again. @throws StorageUnavailableError */
  async reevaluateAll(): Promise<ReevaluationCounts> {
    const counts: ReevaluationCounts = { recorded: 0, quarantined: 0 };
    for await (const callback of this.ledger.quarantined()) {
      const recorded = await this.callbacks.reevaluate(callback);
      counts[recorded ? 'recorded' : 'quarantined'] += 1;
    }
    return counts;
  }

  /** The callbacks of the promises that this process has just stored. */
  private async settleStored(): Promise<boolean> {
    const ids = [...this.stored];
    if (ids.length === 0) return false;
    this.stored.clear();
    await this.settle(await this.ledger.findAwaiting(ids));
    return this.stored.size > 0;
  }

  private async sweep(): Promise<boolean> {
    const startedAt = Date.now();
    const found = await this.ledger.findPromised(this.sweepFrom);
    await this.settle(found);
    if (found.length > 0) return true;
    this.sweepFrom = new Date(startedAt - SWEEP_OVERLAP_MS);
    return false;
  }

  private async settle(callbacks: readonly QuarantinedCallback[]): Promise<void> {
    for (const callback of callbacks) await this.callbacks.reevaluate(callback);
  }

  /** The sweep repeats what has failed. */
  private report(error: unknown): void {
    if (error instanceof StorageUnavailableError) return;
    this.logger.error({ msg: 'reevaluation of quarantined callbacks failed', ...summarizeError(error) });
  }
}
