import { Injectable, Logger } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { PollingLoop } from '../async/polling-loop.js';
import { Config } from '../config/config.js';
import type { Consumer } from '../config/parsers.js';
import { Database } from '../database/database.js';
import { StatementBatches } from '../database/statement-batches.js';
import { StorageUnavailableError } from '../database/storage-error.js';
import { toIssuanceDto } from '../ledger/issuances.dto.js';
import { LedgerService } from '../ledger/ledger.service.js';
import { summarizeError } from '../log/error-summary.js';
import { ConsumerWorker } from './consumer-worker.js';
import type { ConsumerAttempt } from './consumer-worker.js';
import { fanOutOutbox, saveAttempts } from './delivery.queries.js';
import { ReplaysService } from './replays.service.js';

const POLL_INTERVAL_MS = 1_000;
/** Entries that are accepted in quick succession share a statement. */
const MIN_FAN_OUT_INTERVAL_MS = 25;
/** The next batch of a replay is due a second after the last one. */
const REPLAY_BATCH_INTERVAL_MS = 1_000;
/** Deliveries that one statement creates, far below its time limit. */
const BATCH_SIZE = 1_000;
const RESULTS_OF_STATEMENT = 64;

/**
 * Delivers accepted ledger entries to the consumers, in every replica whose ROLE is not `api`. Entries arrive through the outbox, which
 * is written in the same statement as the entry, so that no acknowledged callback is lost. Replicas share the work by leases that
 * expire.
 */
@Injectable()
export class DeliveryWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  /** Empty with ROLE=api. */
  readonly consumers: readonly ConsumerWorker[];
  private readonly logger = new Logger('Delivery');
  private readonly configured: readonly Consumer[];
  private readonly outboxLoop: PollingLoop;
  private readonly replayLoop: PollingLoop;
  private readonly graceMs: number;
  private stopping: Promise<void> | undefined;
  private readonly listeners: ((attempt: ConsumerAttempt) => void)[] = [];

  constructor(
    private readonly database: Database,
    private readonly ledger: LedgerService,
    private readonly replays: ReplaysService,
    config: Config,
  ) {
    const { role, deliveryConsumers = [], databaseTimeoutMs, shutdownGraceSeconds } = config;
    const options = {
      database,
      databaseTimeoutMs,
      results: new StatementBatches(database, saveAttempts, {
        batchSize: RESULTS_OF_STATEMENT,
        pool: 'workers',
        // One at a time, unless it takes long: fewer and larger ones cost less.
        staggerMs: 20,
      }),
      proxy: config,
      findIssuances: async (ids: readonly string[]) => (await ledger.findAll(ids)).map(toIssuanceDto),
      logger: this.logger,
      onFailure: (error: unknown) => this.logFailure(error),
      onAttempt: (attempt: ConsumerAttempt) => {
        for (const listener of this.listeners) listener(attempt);
      },
    };
    this.configured = role === 'api' ? [] : deliveryConsumers;
    this.consumers = this.configured.map((consumer) => new ConsumerWorker(consumer, options));
    this.outboxLoop = new PollingLoop(
      () => this.drainOutbox(),
      POLL_INTERVAL_MS,
      options.onFailure,
      MIN_FAN_OUT_INTERVAL_MS,
    );
    this.replayLoop = new PollingLoop(() => this.replayBatch(), POLL_INTERVAL_MS, options.onFailure);
    this.graceMs = (shutdownGraceSeconds * 1_000) / 2;
  }

  onApplicationBootstrap(): void {
    // Without a consumer, accepted entries stay in the outbox until the first one is configured.
    if (this.consumers.length === 0) return;
    this.ledger.onAccepted(() => this.outboxLoop.notify());
    this.outboxLoop.start();
    this.replayLoop.start();
    for (const consumer of this.consumers) consumer.start();
  }

  /** Calls the listener at the end of each attempt of this process. */
  onAttempt(listener: (attempt: ConsumerAttempt) => void): void {
    this.listeners.push(listener);
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.stop();
  }

  /** Acquires no more leases; resolves when every delivery in flight has ended or its lease is released. */
  stop(): Promise<void> {
    this.stopping ??= Promise.all([
      this.outboxLoop.stop(),
      this.replayLoop.stop(),
      ...this.consumers.map((consumer) => consumer.stop(this.graceMs)),
    ]).then(() => undefined);
    return this.stopping;
  }

  /** @returns whether the outbox may have more entries */
  private async drainOutbox(): Promise<boolean> {
    const limit = Math.ceil(BATCH_SIZE / this.consumers.length);
    const moved = await this.database.run((db) => fanOutOutbox(db, this.configured, limit), 'workers');
    if (moved > 0) this.notifyConsumers();
    return moved === limit;
  }

  private async replayBatch(): Promise<boolean> {
    const replayed = await this.replays.processBatch(this.configured);
    if (replayed > 0) {
      this.notifyConsumers();
      setTimeout(() => this.replayLoop.notify(), REPLAY_BATCH_INTERVAL_MS).unref();
    }
    // Another replay may be due as well.
    return replayed > 0;
  }

  private notifyConsumers(): void {
    for (const consumer of this.consumers) consumer.notify();
  }

  /** Health checks report an unavailable database, and the loops recover by themselves. */
  private logFailure(error: unknown): void {
    if (error instanceof StorageUnavailableError) return;
    this.logger.error({ msg: 'delivery worker failed', ...summarizeError(error) });
  }
}
