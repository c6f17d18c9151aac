import { Injectable, Logger } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Database } from '../database/database.js';
import { StorageUnavailable } from '../database/storage-error.js';
import { Ledger } from '../ledger/ledger.service.js';
import { issuanceDto } from '../ledger/issuances.dto.js';
import { summarizeError } from '../log/error-facts.js';
import { ConsumerWorker } from './consumer-worker.js';
import type { ConsumerAttempt } from './consumer-worker.js';
import { fanOutOutbox } from './delivery.queries.js';
import type { Subscriber } from './delivery.queries.js';
import { PollingLoop } from '../async/polling-loop.js';
import { ReplaysService } from './replays.service.js';

const POLL_INTERVAL_MS = 1_000;
/** A replay takes a batch a second: it is not to miss its second by much. */
const REPLAY_POLL_INTERVAL_MS = 250;
/** Deliveries that one statement makes: far below its time limit. */
const BATCH_SIZE = 1_000;

/**
 * Brings accepted ledger rows to the consumers, in every replica whose ROLE is not `api`. The rows come through the outbox that is
 * written with them, so nothing that was acknowledged is forgotten; several replicas share the work by claims that lapse.
 */
@Injectable()
export class DeliveryWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly consumers: readonly ConsumerWorker[];
  private readonly logger = new Logger('Delivery');
  private readonly subscribers: readonly Subscriber[];
  private readonly outboxLoop: PollingLoop;
  private readonly replayLoop: PollingLoop;
  private readonly graceMs: number;
  private stopped: Promise<void> | undefined;
  private readonly listeners: ((attempt: ConsumerAttempt) => void)[] = [];

  constructor(
    private readonly database: Database,
    private readonly ledger: Ledger,
    private readonly replays: ReplaysService,
    { role, deliveryConsumers = [], databaseTimeoutMs, shutdownGraceSeconds }: Config,
  ) {
    const options = {
      database,
      databaseTimeoutMs,
      issuancesOf: async (ids: readonly string[]) => (await ledger.findAll(ids)).map(issuanceDto),
      logger: this.logger,
      onFailure: (error: unknown) => this.logFailure(error),
      onAttempt: (attempt: ConsumerAttempt) => {
        for (const listener of this.listeners) listener(attempt);
      },
    };
    this.consumers =
      role === 'api' ? [] : deliveryConsumers.map((consumer) => new ConsumerWorker(consumer, options));
    this.subscribers = this.consumers.map(({ subscriber }) => subscriber);
    this.outboxLoop = new PollingLoop(() => this.drainOutbox(), POLL_INTERVAL_MS, options.onFailure);
    this.replayLoop = new PollingLoop(() => this.replayBatch(), REPLAY_POLL_INTERVAL_MS, options.onFailure);
    this.graceMs = (shutdownGraceSeconds * 1_000) / 2;
  }

  onApplicationBootstrap(): void {
    // What is accepted while nobody is to hear of it waits in the outbox for the first consumer.
    if (this.consumers.length === 0) return;
    this.ledger.onAccepted(() => this.outboxLoop.notify());
    this.outboxLoop.start();
    this.replayLoop.start();
    for (const consumer of this.consumers) consumer.start();
  }

  /** Calls back at the end of each attempt of this process. */
  onAttempt(listener: (attempt: ConsumerAttempt) => void): void {
    this.listeners.push(listener);
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.stop();
  }

  /** Claims nothing more; returns when all that is under way has ended or been handed back. */
  stop(): Promise<void> {
    this.stopped ??= Promise.all([
      this.outboxLoop.stop(),
      this.replayLoop.stop(),
      ...this.consumers.map((consumer) => consumer.stop(this.graceMs)),
    ]).then(() => undefined);
    return this.stopped;
  }

  /** @returns whether there may be more */
  private async drainOutbox(): Promise<boolean> {
    const limit = Math.ceil(BATCH_SIZE / this.consumers.length);
    const moved = await this.database.run((db) => fanOutOutbox(db, this.subscribers, limit));
    if (moved > 0) this.notifyConsumers();
    return moved === limit;
  }

  private async replayBatch(): Promise<boolean> {
    const taken = await this.replays.processBatch(this.subscribers);
    if (taken > 0) this.notifyConsumers();
    // There may be another replay beside it.
    return taken > 0;
  }

  private notifyConsumers(): void {
    for (const consumer of this.consumers) consumer.notify();
  }

  /** A database that is away is told of by health checks, and found again by itself. */
  private logFailure(error: unknown): void {
    if (error instanceof StorageUnavailable) return;
    this.logger.error({ msg: 'delivery worker failed', ...summarizeError(error) });
  }
}
