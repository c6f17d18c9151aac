import { Injectable } from '@nestjs/common';
import { DeliveriesService } from '../delivery/deliveries.service.js';
import type { QueueStats } from '../delivery/deliveries.service.js';
import { LateDeliveriesService } from '../delivery/late-deliveries.service.js';
import { ReconciliationService } from './reconciliation.service.js';
import type { LedgerTotals } from './reconciliation.service.js';

const DAY_MS = 86_400_000;

export interface LedgerStats extends QueueStats {
  /** Of the last 24 hours. */
  readonly totals: LedgerTotals;
  /** All quarantined entries, of any age. */
  readonly quarantined: number;
}

/** The state of the ledger and the deliveries for operators, across all replicas. */
@Injectable()
export class LedgerStatsService {
  constructor(
    private readonly reconciliation: ReconciliationService,
    private readonly deliveries: DeliveriesService,
    private readonly lateDeliveries: LateDeliveriesService,
  ) {}

  /**
   * Queries the database, which takes as long as reading all entries of a day.
   * @throws StorageUnavailableError
   */
  async collect(): Promise<LedgerStats> {
    await this.lateDeliveries.check();
    const to = new Date();
    const totals = await this.reconciliation.countTotals({ from: new Date(to.getTime() - DAY_MS), to });
    const quarantined = await this.reconciliation.countQuarantined();
    return { totals, quarantined, ...(await this.deliveries.countQueues()) };
  }
}
