import { Injectable } from '@nestjs/common';
import { LedgerService } from '../ledger/ledger.service.js';
import { KiipCallbacksService } from './kiip-callbacks.service.js';

/** How many entries were recorded, and how many stay quarantined. */
export interface ReevaluationCounts {
  recorded: number;
  quarantined: number;
}

/** Decides quarantined callbacks again. Every method throws StorageUnavailableError, and can be repeated. */
@Injectable()
export class ReevaluationService {
  constructor(
    private readonly ledger: LedgerService,
    private readonly callbacks: KiipCallbacksService,
  ) {}

  /** Every quarantined callback. */
  async reevaluateAll(): Promise<ReevaluationCounts> {
    const counts: ReevaluationCounts = { recorded: 0, quarantined: 0 };
    for await (const callback of this.ledger.quarantined()) {
      const recorded = await this.callbacks.reevaluate(callback);
      counts[recorded ? 'recorded' : 'quarantined'] += 1;
    }
    return counts;
  }

  /** The callbacks that wait for the promise of one of these transactions. */
  async reevaluateTransactions(transactionIds: readonly string[]): Promise<void> {
    for (const callback of await this.ledger.findAwaiting(transactionIds))
      await this.callbacks.reevaluate(callback);
  }

  /**
   * Some of the callbacks that wait although their promise has been stored, within this time.
   * @returns how many; 0 if there is none
   */
  async reevaluatePromised(withinMs: number): Promise<number> {
    const found = await this.ledger.findPromised(withinMs);
    for (const callback of found) await this.callbacks.reevaluate(callback);
    return found.length;
  }
}
