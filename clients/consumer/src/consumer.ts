import { createHash } from 'node:crypto';
import { isCurrencyIssued, toEvent } from './events.js';
import type { CurrencyIssued, GatewayEvent } from './events.js';
import { isFeedRestarted } from './feed.js';
import type { CatchUpCounts, FeedClient } from './feed.js';
import type { Inbox, InboxOutcome } from './inbox.js';
import { ConsumerGone, ConsumerUnavailable, Refusal, RetryLater } from './outcomes.js';
import { readBody } from './read-body.js';
import type { ReceivedBody } from './read-body.js';
import { checkHeaders, toWebhooks, verify } from './verify.js';
import type { ReceivedHeaders, Secrets } from './verify.js';

/** More than any event: a callback has at most 16 KiB, and JSON writes a character in at most six bytes. */
const BODY_LIMIT = 256 * 1_024;
const PAGE_SIZE = 500;
/** More have a common cause. */
const MAX_FAILURES = 100;
const LOG_INTERVAL_MS = 60_000;

export type IgnoredReason = 'unknown-type' | 'test' | 'conflict' | 'expired';

export interface ConsumerOptions<Tx> {
  /** Those of DELIVERY_CONSUMERS: any of them verifies. A function is asked for each event, so that they may change. */
  readonly secrets: Secrets;
  readonly inbox: Inbox<Tx>;
  /** Runs once for each entry. What it writes with `tx` is kept if it resolves. It has 10 s, then the gateway tries again. */
  readonly handle: (event: CurrencyIssued, tx: Tx) => Promise<unknown> | void;
  /** Also handle test rewards, which count in no balance of the gateway. */
  readonly testRewards?: boolean;
  /**
   * Events that were acknowledged and not handled: of types that this version does not know, tests, those whose reward was handled for
   * another user or quantity, and those older than the inbox. Unless given, the last two are written to the console.
   */
  readonly onIgnored?: (event: GatewayEvent, reason: IgnoredReason) => unknown;
  /**
   * What was not answered 200, and why. Unless given, failures are written to the console, and once a minute a request that was
   * refused.
   */
  readonly onError?: (error: unknown, status: number) => unknown;
  /** In bytes: 256 KiB unless given. */
  readonly bodyLimit?: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Receives the events of the Rewards Gateway, each one once in effect. */
export class RewardsConsumer<Tx> {
  private nextLogMs = 0;

  /** @throws RangeError for secrets that cannot be right */
  constructor(private readonly options: ConsumerOptions<Tx>) {
    if (typeof options.secrets !== 'function') toWebhooks(options.secrets);
  }

  /** Answers a request, on every platform that has web standards. */
  readonly fetch = async (request: Request): Promise<Response> => {
    const { body, ...init } = await this.receive(Object.fromEntries(request.headers), () => {
      if (request.bodyUsed)
        throw new Error('The body of the event was read before: give fetch the request unread.');
      return (request.body ?? new Uint8Array()) as ReceivedBody;
    });
    return new Response(body, init);
  };

  /** The same for other platforms: `expressHandler` and its neighbours call it. */
  async receive(headers: ReceivedHeaders, body: ReceivedBody | (() => ReceivedBody)): Promise<Answer> {
    const { secrets, bodyLimit = BODY_LIMIT } = this.options;
    try {
      checkHeaders(headers);
      const text = await readBody(typeof body === 'function' ? body() : body, bodyLimit);
      const { id, event } = await verify(secrets, headers, text);
      return toAnswer(200, await this.process(id, event));
    } catch (error) {
      return this.refuse(error);
    }
  }

  /**
   * Handles what the feed of the ledger has behind the stored cursor, or all of it. An entry that comes by webhook too counts once.
   * Goes on behind an entry that fails, and rejects at the end. The next call begins with the page of the first one.
   * @throws AggregateError of what `handle` threw
   */
  async catchUp(client: FeedClient, options: { signal?: AbortSignal } = {}): Promise<CatchUpCounts> {
    const { inbox } = this.options;
    const counts: CatchUpCounts = { handled: 0, duplicate: 0, conflict: 0, expired: 0, ignored: 0 };
    const failures = new Map<string, unknown>();
    const readFrom = async (after: string | undefined) => {
      const input = { limit: PAGE_SIZE, ...(after !== undefined && { after }) };
      for await (const { items, next } of client.pages('listIssuances', input, options)) {
        for (const entry of items) {
          options.signal?.throwIfAborted();
          try {
            const event = toEvent(entry);
            counts[event ? await this.process(entry.id, event) : 'ignored'] += 1;
          } catch (error) {
            failures.set(entry.id, error);
            if (isFinal(error) || failures.size === MAX_FAILURES) return;
          }
        }
        // Not before: what is read again after a crash is a duplicate.
        if (failures.size === 0) await inbox.saveCursor(next);
      }
    };
    await readFrom(await inbox.loadCursor()).catch((error: unknown) => {
      if (!isFeedRestarted(error)) throw error;
      return readFrom(undefined);
    });
    if (failures.size === 0) return counts;
    const ids = [...failures.keys()].join(', ');
    throw new AggregateError(failures.values(), `catchUp: entries that could not be handled: ${ids}.`);
  }

  private async process(id: string, event: GatewayEvent): Promise<InboxOutcome | 'ignored'> {
    const { onIgnored = logLost } = this.options;
    const ignore = async (reason: IgnoredReason) => {
      await onIgnored(event, reason);
      return 'ignored' as const;
    };
    if (!isCurrencyIssued(event)) return ignore(event.type === 'gateway.test' ? 'test' : 'unknown-type');
    if (event.data.id !== id) throw new Refusal(400, 'The webhook-id is not the id of the entry.');
    const outcome = await this.handleOnce(event);
    if (outcome === 'ignored') return ignore('test');
    if (outcome === 'conflict' || outcome === 'expired') await ignore(outcome);
    return outcome;
  }

  private async handleOnce(event: CurrencyIssued): Promise<InboxOutcome | 'ignored'> {
    const { inbox, handle, testRewards = false } = this.options;
    const { id, kind, transaction_id, nonce, user_id, content, quantity, test, received_at } = event.data;
    if (test && !testRewards) return 'ignored';
    const reward = hash([kind, transaction_id, kind === 'issuance' ? nonce : null]);
    const credit = hash([user_id, content, quantity]);
    return inbox.once({ id, reward, credit, receivedAt: received_at }, async (tx) => {
      const result = await handle(event, tx);
      if (typeof (result as { execute?: unknown } | undefined)?.execute === 'function')
        throw new Error('handle returned a query that was not run: call execute().');
    });
  }

  private async refuse(error: unknown): Promise<Answer> {
    const { status, outcome, seconds } = describe(error);
    try {
      const { onError = this.logFailure } = this.options;
      await onError(error, status);
    } catch (failure) {
      // oxlint-disable-next-line no-console
      console.error('onError failed:', failure);
    }
    return toAnswer(
      status,
      outcome,
      seconds === undefined ? {} : { 'retry-after': String(Math.ceil(seconds)) },
    );
  }

  /** Anybody can send requests without a signature: they fill no log. */
  private readonly logFailure = (error: unknown, status: number): void => {
    if (error instanceof RetryLater) return;
    if (error instanceof Refusal) {
      if (performance.now() < this.nextLogMs) return;
      this.nextLogMs = performance.now() + LOG_INTERVAL_MS;
    }
    const text = error instanceof Refusal ? error.message : error;
    // oxlint-disable-next-line no-console
    console.error(`An event of the Rewards Gateway was answered ${status}:`, text);
  };
}

/** A 425 delays the event alone. At a 503 the gateway sends nothing else before that time either. */
function describe(error: unknown): { status: number; outcome: string; seconds?: number } {
  if (error instanceof RetryLater) return { status: 425, outcome: 'retry-later', seconds: error.seconds };
  if (error instanceof ConsumerUnavailable)
    return { status: 503, outcome: 'unavailable', seconds: error.seconds };
  if (error instanceof ConsumerGone) return { status: 410, outcome: 'gone' };
  if (error instanceof Refusal) return { status: error.status, outcome: 'refused' };
  return { status: 500, outcome: 'failed' };
}

/** Other entries would fail in the same way. */
function isFinal(error: unknown): boolean {
  return error instanceof ConsumerUnavailable || error instanceof ConsumerGone;
}

function hash(fields: unknown[]): string {
  return createHash('sha256').update(JSON.stringify(fields)).digest('base64url');
}

function toAnswer(status: number, outcome: string, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ outcome }),
  };
}

/** These are coins that the gateway has counted, and the wallet perhaps has not. */
function logLost(event: GatewayEvent, reason: IgnoredReason): void {
  if (reason !== 'conflict' && reason !== 'expired') return;
  const { id } = event.data as CurrencyIssued['data'];
  // oxlint-disable-next-line no-console
  console.error(`The entry ${id} of the Rewards Gateway was acknowledged and not handled: ${reason}.`);
}
