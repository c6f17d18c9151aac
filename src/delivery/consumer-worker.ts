import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@nestjs/common';
import { SpanKind } from '@opentelemetry/api';
import type { Consumer } from '../config/parsers.js';
import type { Database } from '../database/database.js';
import type { IssuanceDto } from '../ledger/issuances.dto.js';
import { inSpan, resumedFrom } from '../tracing/span.js';
import { ConsumerHttp, attemptMs, isTaken } from './consumer-http.js';
import type { Attempt } from './consumer-http.js';
import { ConsumerLane } from './consumer-throttle.js';
import { claim, handBack, pause, settle, subscriberOf } from './delivery.queries.js';
import type { Claimed, Settlement, Subscriber } from './delivery.queries.js';
import { signedEvent } from './webhook-event.js';
import { Pump } from '../async/polling-loop.js';
import { nextAttemptMs } from './retry-schedule.js';

const lookEveryMs = 1_000;
const tryAgainMs = 250;
/** Beyond the attempt itself: reading the row, writing the outcome down, a busy process. */
const leaseMarginMs = 5_000;

export interface ConsumerTools {
  readonly database: Database;
  readonly databaseTimeoutMs: number;
  readonly issuancesOf: (ids: readonly string[]) => Promise<IssuanceDto[]>;
  readonly logger: Logger;
  readonly onFailure: (error: unknown) => void;
  readonly onAttempt: (attempt: ConsumerAttempt) => void;
}

export interface ConsumerAttempt extends Attempt {
  readonly consumer: string;
}

/** Brings one consumer what is due. It never waits for another consumer. */
export class ConsumerWorker {
  readonly lane: ConsumerLane;
  readonly subscriber: Subscriber;
  private readonly http: ConsumerHttp;
  private readonly pump: Pump;
  private readonly underWay = new Map<Claimed, Promise<void>>();
  private readonly giveUp = new AbortController();
  private readonly leaseMs: number;

  constructor(
    readonly consumer: Consumer,
    private readonly tools: ConsumerTools,
  ) {
    this.subscriber = subscriberOf(consumer);
    this.lane = new ConsumerLane(consumer.concurrency);
    this.http = new ConsumerHttp(consumer);
    this.pump = new Pump(() => this.sendDue(), lookEveryMs, tools.onFailure);
    this.leaseMs = 2 * attemptMs + 2 * tools.databaseTimeoutMs + leaseMarginMs;
  }

  start(): void {
    this.pump.start();
  }

  wake(): void {
    this.pump.wake();
  }

  /** Claims nothing more, waits for what is under way, and hands back what is not done by then. */
  async stop(graceMs: number): Promise<void> {
    const timer = setTimeout(() => this.giveUp.abort(), graceMs);
    await this.pump.stop();
    await Promise.allSettled(this.underWay.values());
    clearTimeout(timer);
    await this.http.close();
  }

  /** @returns whether there may be more that can be sent now */
  private async sendDue(): Promise<boolean> {
    const { subscriber, lane } = this;
    const places = lane.free;
    if (places === 0) return false;
    const claimedMs = performance.now();
    const claimed = await this.tools.database.run((db) => claim(db, subscriber, places, this.leaseMs));
    if (claimed.length === 0) return false;
    const rows = await this.rowsOf(claimed);
    // The lane was closed, or the process slept so long that the claims may lapse during the attempt.
    if (lane.free === 0 || performance.now() - claimedMs > this.leaseMs - 2 * attemptMs) {
      await this.handBack(claimed);
      return false;
    }
    for (const delivery of claimed) {
      lane.begin();
      const work = this.deliver(delivery, rows.get(delivery.ledgerId)!, claimedMs)
        .catch(this.tools.onFailure)
        .finally(() => {
          lane.end();
          this.underWay.delete(delivery);
          this.pump.wake();
        });
      this.underWay.set(delivery, work);
    }
    return lane.free > 0;
  }

  private async rowsOf(claimed: readonly Claimed[]): Promise<Map<string, IssuanceDto>> {
    try {
      const rows = await this.tools.issuancesOf(claimed.map(({ ledgerId }) => ledgerId));
      return new Map(rows.map((row) => [row.id, row]));
    } catch (error) {
      await this.handBack(claimed);
      throw error;
    }
  }

  private async deliver(delivery: Claimed, row: IssuanceDto, claimedMs: number): Promise<void> {
    const { acceptedAt, claimedAt } = delivery;
    const signedAt = new Date(claimedAt.getTime() + (performance.now() - claimedMs));
    const event = signedEvent(row, { acceptedAt, signedAt }, this.consumer.secrets);
    const { name } = this.consumer;
    const facts = {
      kind: SpanKind.CLIENT,
      attributes: { 'webhook.consumer': name },
      parent: resumedFrom(delivery.traceParent),
    };
    const attempt = await inSpan(`deliver ${name}`, facts, () => this.http.send(event, this.giveUp.signal));
    // The process ends: nobody knows what the consumer has seen, and the next to send it says so by the same id.
    if (attempt.status === undefined && this.giveUp.signal.aborted) return this.handBack([delivery]);
    this.tools.onAttempt({ ...attempt, consumer: this.consumer.name });
    const next = this.nextOf(delivery, attempt);
    const gone = attempt.status === 410;
    if (gone) {
      this.tell('a consumer is gone, and paused', attempt);
      await this.pause();
    }
    await this.write(delivery, { ...attempt, next, startsOver: gone });
  }

  private nextOf({ tries, sinceMs }: Claimed, attempt: Attempt): Settlement['next'] {
    const { status, retryAfterSeconds, durationMs } = attempt;
    const before = this.lane.state;
    if (isTaken(status)) {
      this.lane.succeeded();
      if (before === 'half-open') this.tell('a consumer is back', attempt);
      return 'delivered';
    }
    if (tellsOfConsumer(status)) this.lane.failed(attempt);
    if (before === 'closed' && this.lane.state === 'open') this.tell('a consumer is given a break', attempt);
    const next = nextAttemptMs({ tries: tries + 1, sinceMs: sinceMs + durationMs, retryAfterSeconds });
    return next ?? 'dead';
  }

  private tell(msg: string, { status, outcome }: Attempt): void {
    this.tools.logger.warn({ msg, consumer: this.consumer.name, status, outcome });
  }

  private async pause(): Promise<void> {
    const { database, onFailure } = this.tools;
    // If this fails, the next one to be sent is told the same.
    await database.run((db) => pause(db, this.subscriber)).catch(onFailure);
  }

  /** A database that is away is waited for as long as the claim lasts; after that, the event goes out once more. */
  private async write(delivery: Claimed, settlement: Settlement): Promise<void> {
    const { database, logger, onFailure } = this.tools;
    const { name } = this.consumer;
    const { next, status, outcome } = settlement;
    const facts = { consumer: name, id: delivery.ledgerId, status, outcome };
    const lapsesAt = performance.now() + this.leaseMs - attemptMs;
    for (;;) {
      try {
        const held = await database.run((db) => settle(db, delivery, settlement));
        if (held && next === 'dead') logger.error({ msg: 'a delivery is dead', ...facts });
        else if (held && next !== 'delivered') logger.debug({ msg: 'a delivery failed', ...facts });
        return;
      } catch (error) {
        onFailure(error);
        if (performance.now() > lapsesAt || this.giveUp.signal.aborted) return;
        await sleep(tryAgainMs);
      }
    }
  }

  private async handBack(claimed: readonly Claimed[]): Promise<void> {
    // If this fails too, the claims lapse by themselves.
    await this.tools.database.run((db) => handBack(db, claimed)).catch(() => undefined);
  }
}

/** Whether the failure is the consumer's state and not this event's: others would fare the same. */
function tellsOfConsumer(status: number | undefined): boolean {
  return (
    status === undefined || status < 400 || status >= 500 || [401, 403, 404, 408, 410, 429].includes(status)
  );
}
