import { Injectable, Logger } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { Config } from '../config/config.js';
import { longestTimerMs } from '../config/timers.js';
import { Database } from '../database/database.js';
import { StorageUnavailable } from '../database/storage-error.js';
import { Ledger } from '../ledger/ledger.service.js';
import { issuanceDto } from '../ledger/issuances.dto.js';
import { factsOf } from '../log/error-facts.js';
import { ConsumerWorker } from './consumer-worker.js';
import type { ConsumerAttempt } from './consumer-worker.js';
import { fanOut } from './delivery.queries.js';
import type { Subscriber } from './delivery.queries.js';
import { Pump } from '../async/polling-loop.js';
import { Replays } from './replays.service.js';

const lookEveryMs = 1_000;
/** A replay takes a batch a second: it is not to miss its second by much. */
const replayEveryMs = 250;
/** Deliveries that one statement makes: far below its time limit. */
const batch = 1_000;

/**
 * Brings accepted ledger rows to the consumers, in every replica whose ROLE is not `api`. The rows come through the outbox that is
 * written with them, so nothing that was acknowledged is forgotten; several replicas share the work by claims that lapse.
 */
@Injectable()
export class DeliveryWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly consumers: readonly ConsumerWorker[];
  private readonly logger = new Logger('Delivery');
  private readonly subscribers: readonly Subscriber[];
  private readonly outbox: Pump;
  private readonly replaying: Pump;
  private readonly graceMs: number;
  private stopped: Promise<void> | undefined;
  private readonly listeners: ((attempt: ConsumerAttempt) => void)[] = [];

  constructor(
    private readonly database: Database,
    private readonly ledger: Ledger,
    private readonly replays: Replays,
    { role, deliveryConsumers = [], databaseTimeoutMs, shutdownGraceSeconds }: Config,
  ) {
    const tools = {
      database,
      databaseTimeoutMs,
      issuancesOf: async (ids: readonly string[]) => (await ledger.findAll(ids)).map(issuanceDto),
      logger: this.logger,
      onFailure: (error: unknown) => this.report(error),
      onAttempt: (attempt: ConsumerAttempt) => {
        for (const listener of this.listeners) listener(attempt);
      },
    };
    this.consumers =
      role === 'api' ? [] : deliveryConsumers.map((consumer) => new ConsumerWorker(consumer, tools));
    this.subscribers = this.consumers.map(({ subscriber }) => subscriber);
    this.outbox = new Pump(() => this.emptyOutbox(), lookEveryMs, tools.onFailure);
    this.replaying = new Pump(() => this.replay(), replayEveryMs, tools.onFailure);
    this.graceMs = Math.min((shutdownGraceSeconds * 1_000) / 2, longestTimerMs);
  }

  onApplicationBootstrap(): void {
    // What is accepted while nobody is to hear of it waits in the outbox for the first consumer.
    if (this.consumers.length === 0) return;
    this.ledger.onAccepted(() => this.outbox.wake());
    this.outbox.start();
    this.replaying.start();
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
      this.outbox.stop(),
      this.replaying.stop(),
      ...this.consumers.map((consumer) => consumer.stop(this.graceMs)),
    ]).then(() => undefined);
    return this.stopped;
  }

  /** @returns whether there may be more */
  private async emptyOutbox(): Promise<boolean> {
    const limit = Math.ceil(batch / this.consumers.length);
    const moved = await this.database.run((db) => fanOut(db, this.subscribers, limit));
    if (moved > 0) this.wakeConsumers();
    return moved === limit;
  }

  private async replay(): Promise<boolean> {
    const taken = await this.replays.takeBatch(this.subscribers);
    if (taken > 0) this.wakeConsumers();
    // There may be another replay beside it.
    return taken > 0;
  }

  private wakeConsumers(): void {
    for (const consumer of this.consumers) consumer.wake();
  }

  /** A database that is away is told of by health checks, and found again by itself. */
  private report(error: unknown): void {
    if (error instanceof StorageUnavailable) return;
    this.logger.error({ msg: 'deliveries cannot go on', ...factsOf(error) });
  }
}
