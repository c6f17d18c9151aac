import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@nestjs/common';
import { SpanKind } from '@opentelemetry/api';
import type { Consumer } from '../config/parsers.js';
import type { Database } from '../database/database.js';
import type { IssuanceDto } from '../ledger/issuances.dto.js';
import { withSpan, extractContext } from '../tracing/span.js';
import { ConsumerHttp, ATTEMPT_TIMEOUT_MS, isSuccess } from './consumer-http.js';
import type { DeliveryAttempt } from './consumer-http.js';
import { ConsumerThrottle } from './consumer-throttle.js';
import {
  acquireLeases,
  releaseLeases,
  pauseConsumer,
  saveAttempt,
  subscriberOf,
} from './delivery.queries.js';
import type { LeasedDelivery, AttemptResult, Subscriber } from './delivery.queries.js';
import { signEvent } from './webhook-event.js';
import { PollingLoop } from '../async/polling-loop.js';
import { nextAttemptInMs } from './retry-schedule.js';

const POLL_INTERVAL_MS = 1_000;
const STORAGE_RETRY_MS = 250;
/** Beyond the attempt itself: reading the row, writing the outcome down, a busy process. */
const LEASE_MARGIN_MS = 5_000;

export interface ConsumerWorkerOptions {
  readonly database: Database;
  readonly databaseTimeoutMs: number;
  readonly issuancesOf: (ids: readonly string[]) => Promise<IssuanceDto[]>;
  readonly logger: Logger;
  readonly onFailure: (error: unknown) => void;
  readonly onAttempt: (attempt: ConsumerAttempt) => void;
}

export interface ConsumerAttempt extends DeliveryAttempt {
  readonly consumer: string;
}

/** Brings one consumer what is due. It never waits for another consumer. */
export class ConsumerWorker {
  readonly throttle: ConsumerThrottle;
  readonly subscriber: Subscriber;
  private readonly http: ConsumerHttp;
  private readonly loop: PollingLoop;
  private readonly inFlight = new Map<LeasedDelivery, Promise<void>>();
  private readonly abortController = new AbortController();
  private readonly leaseMs: number;

  constructor(
    readonly consumer: Consumer,
    private readonly options: ConsumerWorkerOptions,
  ) {
    this.subscriber = subscriberOf(consumer);
    this.throttle = new ConsumerThrottle(consumer.concurrency);
    this.http = new ConsumerHttp(consumer);
    this.loop = new PollingLoop(() => this.sendDue(), POLL_INTERVAL_MS, options.onFailure);
    this.leaseMs = 2 * ATTEMPT_TIMEOUT_MS + 2 * options.databaseTimeoutMs + LEASE_MARGIN_MS;
  }

  start(): void {
    this.loop.start();
  }

  notify(): void {
    this.loop.notify();
  }

  /** Claims nothing more, waits for what is under way, and hands back what is not done by then. */
  async stop(graceMs: number): Promise<void> {
    const timer = setTimeout(() => this.abortController.abort(), graceMs);
    await this.loop.stop();
    await Promise.allSettled(this.inFlight.values());
    clearTimeout(timer);
    await this.http.close();
  }

  /** @returns whether there may be more that can be sent now */
  private async sendDue(): Promise<boolean> {
    const { subscriber, throttle: lane } = this;
    const slots = lane.availableSlots;
    if (slots === 0) return false;
    const leasedAtMs = performance.now();
    const claimed = await this.options.database.run((db) =>
      acquireLeases(db, subscriber, slots, this.leaseMs),
    );
    if (claimed.length === 0) return false;
    const rows = await this.findEntries(claimed);
    // The lane was closed, or the process slept so long that the claims may lapse during the attempt.
    if (lane.availableSlots === 0 || performance.now() - leasedAtMs > this.leaseMs - 2 * ATTEMPT_TIMEOUT_MS) {
      await this.releaseLeases(claimed);
      return false;
    }
    for (const delivery of claimed) {
      lane.acquireSlot();
      const work = this.deliver(delivery, rows.get(delivery.ledgerId)!, leasedAtMs)
        .catch(this.options.onFailure)
        .finally(() => {
          lane.releaseSlot();
          this.inFlight.delete(delivery);
          this.loop.notify();
        });
      this.inFlight.set(delivery, work);
    }
    return lane.availableSlots > 0;
  }

  private async findEntries(claimed: readonly LeasedDelivery[]): Promise<Map<string, IssuanceDto>> {
    try {
      const rows = await this.options.issuancesOf(claimed.map(({ ledgerId }) => ledgerId));
      return new Map(rows.map((row) => [row.id, row]));
    } catch (error) {
      await this.releaseLeases(claimed);
      throw error;
    }
  }

  private async deliver(delivery: LeasedDelivery, row: IssuanceDto, claimedMs: number): Promise<void> {
    const { acceptedAt, claimedAt } = delivery;
    const signedAt = new Date(claimedAt.getTime() + (performance.now() - claimedMs));
    const event = signEvent(row, { acceptedAt, signedAt }, this.consumer.secrets);
    const { name } = this.consumer;
    const facts = {
      kind: SpanKind.CLIENT,
      attributes: { 'webhook.consumer': name },
      parent: extractContext(delivery.traceParent),
    };
    const attempt = await withSpan(`deliver ${name}`, facts, () =>
      this.http.send(event, this.abortController.signal),
    );
    // The process ends: nobody knows what the consumer has seen, and the next to send it says so by the same id.
    if (attempt.status === undefined && this.abortController.signal.aborted)
      return this.releaseLeases([delivery]);
    this.options.onAttempt({ ...attempt, consumer: this.consumer.name });
    const next = this.evaluate(delivery, attempt);
    const gone = attempt.status === 410;
    if (gone) {
      this.logWarning('consumer returned 410; paused', attempt);
      await this.pause();
    }
    await this.saveResult(delivery, { ...attempt, next, resetSchedule: gone });
  }

  private evaluate({ tries, sinceMs }: LeasedDelivery, attempt: DeliveryAttempt): AttemptResult['next'] {
    const { status, retryAfterSeconds, durationMs } = attempt;
    const before = this.throttle.state;
    if (isSuccess(status)) {
      this.throttle.recordSuccess();
      if (before === 'half-open') this.logWarning('consumer recovered', attempt);
      return 'delivered';
    }
    if (isConsumerFailure(status)) this.throttle.recordFailure(attempt);
    if (before === 'closed' && this.throttle.state === 'open')
      this.logWarning('consumer circuit opened', attempt);
    const next = nextAttemptInMs({ attempts: tries + 1, ageMs: sinceMs + durationMs, retryAfterSeconds });
    return next ?? 'dead';
  }

  private logWarning(msg: string, { status, outcome }: DeliveryAttempt): void {
    this.options.logger.warn({ msg, consumer: this.consumer.name, status, outcome });
  }

  private async pause(): Promise<void> {
    const { database, onFailure } = this.options;
    // If this fails, the next one to be sent is told the same.
    await database.run((db) => pauseConsumer(db, this.subscriber)).catch(onFailure);
  }

  /** A database that is away is waited for as long as the claim lasts; after that, the event goes out once more. */
  private async saveResult(delivery: LeasedDelivery, settlement: AttemptResult): Promise<void> {
    const { database, logger, onFailure } = this.options;
    const { name } = this.consumer;
    const { next, status, outcome } = settlement;
    const facts = { consumer: name, id: delivery.ledgerId, status, outcome };
    const lapsesAt = performance.now() + this.leaseMs - ATTEMPT_TIMEOUT_MS;
    for (;;) {
      try {
        const held = await database.run((db) => saveAttempt(db, delivery, settlement));
        if (held && next === 'dead') logger.error({ msg: 'delivery moved to dead letters', ...facts });
        else if (held && next !== 'delivered') logger.debug({ msg: 'delivery attempt failed', ...facts });
        return;
      } catch (error) {
        onFailure(error);
        if (performance.now() > lapsesAt || this.abortController.signal.aborted) return;
        await sleep(STORAGE_RETRY_MS);
      }
    }
  }

  private async releaseLeases(claimed: readonly LeasedDelivery[]): Promise<void> {
    // If this fails too, the claims lapse by themselves.
    await this.options.database.run((db) => releaseLeases(db, claimed)).catch(() => undefined);
  }
}

/** Whether the failure is the consumer's state and not this event's: others would fare the same. */
function isConsumerFailure(status: number | undefined): boolean {
  return (
    status === undefined || status < 400 || status >= 500 || [401, 403, 404, 408, 410, 429].includes(status)
  );
}
