import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@nestjs/common';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { Span } from '@opentelemetry/api';
import { PollingLoop } from '../async/polling-loop.js';
import type { Consumer } from '../config/parsers.js';
import type { Database } from '../database/database.js';
import type { StatementBatches } from '../database/statement-batches.js';
import type { IssuanceDto } from '../ledger/issuances.dto.js';
import { extractContext, withSpan } from '../tracing/span.js';
import type { ProxySettings } from '../config/proxy.js';
import { ATTEMPT_TIMEOUT_MS, ConsumerHttp, isSuccess } from './consumer-http.js';
import type { DeliveryAttempt } from './consumer-http.js';
import { ConsumerThrottle } from './consumer-throttle.js';
import { pauseGone } from './consumer-pauses.queries.js';
import { acquireLeases, releaseLeases } from './delivery.queries.js';
import type { Attempt, AttemptResult, LeasedDelivery } from './delivery.queries.js';
import { nextAttemptInMs } from './retry-schedule.js';
import { CURRENCY_ISSUED, signEvent } from './webhook-event.js';

const POLL_INTERVAL_MS = 1_000;
/** Slots that become free in quick succession are filled by one statement. */
const MIN_LEASE_INTERVAL_MS = 10;
const STORAGE_RETRY_MS = 250;
/** Time beyond the attempt itself: reading the entry, saving the result, a busy process. */
const LEASE_MARGIN_MS = 5_000;

export interface ConsumerWorkerOptions {
  readonly database: Database;
  readonly databaseTimeoutMs: number;
  /** Saves the results of attempts, each with whether its lease was still held. */
  readonly results: StatementBatches<Attempt, boolean>;
  readonly proxy: ProxySettings;
  readonly findIssuances: (ids: readonly string[]) => Promise<IssuanceDto[]>;
  readonly logger: Logger;
  readonly onFailure: (error: unknown) => void;
  readonly onAttempt: (attempt: ConsumerAttempt) => void;
}

export interface ConsumerAttempt extends DeliveryAttempt {
  readonly consumer: string;
  /** What becomes of the delivery. */
  readonly next: 'delivered' | 'retried' | 'dead';
  /** From the acceptance of the entry to the end of the attempt; undefined for one that an operator sends again. */
  readonly latencyMs: number | undefined;
}

/** Sends the deliveries of one consumer when they are due. It never waits for another consumer. */
export class ConsumerWorker {
  readonly throttle: ConsumerThrottle;
  private readonly http: ConsumerHttp;
  private readonly loop: PollingLoop;
  private readonly inFlight = new Map<LeasedDelivery, Promise<void>>();
  private readonly abortController = new AbortController();
  private readonly leaseMs: number;

  constructor(
    readonly consumer: Consumer,
    private readonly options: ConsumerWorkerOptions,
  ) {
    this.throttle = new ConsumerThrottle(consumer.concurrency);
    this.http = new ConsumerHttp(consumer, options.proxy);
    this.loop = new PollingLoop(
      () => this.sendDue(),
      POLL_INTERVAL_MS,
      options.onFailure,
      MIN_LEASE_INTERVAL_MS,
    );
    this.leaseMs = 2 * ATTEMPT_TIMEOUT_MS + 2 * options.databaseTimeoutMs + LEASE_MARGIN_MS;
  }

  start(): void {
    this.loop.start();
  }

  notify(): void {
    this.loop.notify();
  }

  /** Acquires no more leases and waits for the deliveries in flight; after the grace period, it aborts them and releases their leases. */
  async stop(graceMs: number): Promise<void> {
    const timer = setTimeout(() => this.abortController.abort(), graceMs);
    await this.loop.stop();
    await Promise.allSettled(this.inFlight.values());
    clearTimeout(timer);
    await this.http.close();
  }

  /** @returns whether more deliveries may be sent now */
  private async sendDue(): Promise<boolean> {
    const { consumer, throttle } = this;
    const slots = throttle.availableSlots;
    if (slots === 0) return false;
    const leasedAtMs = performance.now();
    const leased = await this.options.database.run(
      (db) => acquireLeases(db, consumer, slots, this.leaseMs),
      'workers',
    );
    if (leased.length === 0) return false;
    const entries = await this.findEntries(leased);
    // The throttle has opened meanwhile, or the process was suspended so long that the leases may expire during the attempt.
    if (
      throttle.availableSlots === 0 ||
      performance.now() - leasedAtMs > this.leaseMs - 2 * ATTEMPT_TIMEOUT_MS
    ) {
      await this.releaseLeases(leased);
      return false;
    }
    for (const delivery of leased) {
      throttle.acquireSlot();
      const work = this.deliver(delivery, entries.get(delivery.ledgerId)!, leasedAtMs)
        .catch(this.options.onFailure)
        .finally(() => {
          throttle.releaseSlot();
          this.inFlight.delete(delivery);
          this.loop.notify();
        });
      this.inFlight.set(delivery, work);
    }
    return leased.length === slots && throttle.availableSlots > 0;
  }

  private async findEntries(leased: readonly LeasedDelivery[]): Promise<Map<string, IssuanceDto>> {
    try {
      const entries = await this.options.findIssuances(leased.map(({ ledgerId }) => ledgerId));
      return new Map(entries.map((entry) => [entry.id, entry]));
    } catch (error) {
      await this.releaseLeases(leased);
      throw error;
    }
  }

  private async deliver(delivery: LeasedDelivery, entry: IssuanceDto, leasedAtMs: number): Promise<void> {
    const { acceptedAt, leasedAt, isResent } = delivery;
    const databaseNow = () => new Date(leasedAt.getTime() + (performance.now() - leasedAtMs));
    const message = { id: entry.id, type: CURRENCY_ISSUED, timestamp: acceptedAt, data: entry };
    const event = signEvent(message, databaseNow(), this.consumer.secrets);
    const { name } = this.consumer;
    const span = {
      kind: SpanKind.CLIENT,
      attributes: {
        ...this.http.server,
        'webhook.consumer': name,
        'http.request.method': 'POST',
        ...(delivery.attempts > 0 && { 'http.request.resend_count': delivery.attempts }),
      },
      parent: extractContext(delivery.traceParent),
    };
    const attempt = await withSpan(`deliver ${name}`, span, async (current) => {
      const result = await this.http.send(event, this.abortController.signal);
      describeAttempt(current, result);
      return result;
    });
    // On shutdown, it is unknown what the consumer has received. The next attempt has the same id, so the consumer can deduplicate.
    if (attempt.status === undefined && this.abortController.signal.aborted)
      return this.releaseLeases([delivery]);
    const next = this.evaluate(delivery, attempt);
    this.options.onAttempt({
      ...attempt,
      consumer: name,
      next: typeof next === 'number' ? 'retried' : next,
      latencyMs: isResent ? undefined : databaseNow().getTime() - acceptedAt.getTime(),
    });
    const gone = attempt.status === 410;
    if (gone) {
      this.logWarning('consumer returned 410; paused', attempt);
      await this.pause();
    }
    await this.saveResult(delivery, { ...attempt, next, resetSchedule: gone });
  }

  /** Updates the throttle with the result of an attempt, and decides what happens to the delivery next. */
  private evaluate({ attempts, ageMs }: LeasedDelivery, attempt: DeliveryAttempt): AttemptResult['next'] {
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
    const failed = { attempts: attempts + 1, ageMs: ageMs + durationMs, retryAfterSeconds };
    return nextAttemptInMs(failed) ?? 'dead';
  }

  private logWarning(msg: string, { status, outcome }: DeliveryAttempt): void {
    this.options.logger.warn({ msg, consumer: this.consumer.name, status, outcome });
  }

  private async pause(): Promise<void> {
    const { database, onFailure } = this.options;
    // If this fails, the next delivery is sent, and its 410 pauses the consumer.
    await database.run((db) => pauseGone(db, this.consumer), 'workers').catch(onFailure);
  }

  /** Retries while the database is unavailable and the lease lasts. After that, the event is sent again. */
  private async saveResult(delivery: LeasedDelivery, result: AttemptResult): Promise<void> {
    const { results, logger, onFailure } = this.options;
    const { next, status, outcome } = result;
    const fields = { consumer: this.consumer.name, id: delivery.ledgerId, status, outcome };
    const giveUpAt = performance.now() + this.leaseMs - ATTEMPT_TIMEOUT_MS;
    for (;;) {
      try {
        const held = await results.execute(delivery.id, { delivery, result });
        if (held && next === 'dead') logger.error({ msg: 'delivery moved to dead letters', ...fields });
        else if (held && next !== 'delivered') logger.debug({ msg: 'delivery attempt failed', ...fields });
        return;
      } catch (error) {
        onFailure(error);
        if (performance.now() > giveUpAt || this.abortController.signal.aborted) return;
        await sleep(STORAGE_RETRY_MS);
      }
    }
  }

  private async releaseLeases(leased: readonly LeasedDelivery[]): Promise<void> {
    // If this fails too, the leases expire.
    await this.options.database.run((db) => releaseLeases(db, leased), 'workers').catch(() => undefined);
  }
}

/** Whether a failure says something about the consumer, so that other events would fail too, and not about this event only. */
function isConsumerFailure(status: number | undefined): boolean {
  return (
    status === undefined || status < 400 || status >= 500 || [401, 403, 404, 408, 410, 429].includes(status)
  );
}

function describeAttempt(span: Span, { status, outcome }: DeliveryAttempt): void {
  if (status !== undefined) span.setAttribute('http.response.status_code', status);
  if (isSuccess(status)) return;
  span.setAttribute('error.type', String(status ?? outcome)).setStatus({ code: SpanStatusCode.ERROR });
}
