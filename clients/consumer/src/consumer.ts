import { createHash } from 'node:crypto';
import { isCurrencyIssued, toEvent } from './events.js';
import type { CurrencyIssued, GatewayEvent } from './events.js';
import { isFeedRestarted } from './feed.js';
import type { CatchUpCounts, FeedClient } from './feed.js';
import type { Inbox, InboxOutcome } from './inbox.js';
import { ConsumerGone, Refusal, RetryLater } from './outcomes.js';
import { readBody } from './read-body.js';
import type { ReceivedBody } from './read-body.js';
import { toWebhooks, verify } from './verify.js';
import type { ReceivedHeaders, Secrets } from './verify.js';

/** More than any event: a callback has at most 16 KiB, and JSON writes a character in at most six bytes. */
const BODY_LIMIT = 256 * 1_024;
const PAGE_SIZE = 500;

export type IgnoredReason = 'unknown-type' | 'test' | 'expired';

export interface ConsumerOptions<Tx> {
  /** Those of DELIVERY_CONSUMERS: any of them verifies. A function is asked for each event, so that they may change. */
  readonly secrets: Secrets;
  readonly inbox: Inbox<Tx>;
  /** Runs once for each entry. What it writes with `tx` is kept if it resolves. It has 10 s, then the gateway tries again. */
  readonly handle: (event: CurrencyIssued, tx: Tx) => unknown;
  /** Also handle test rewards, which count in no balance of the gateway. */
  readonly testRewards?: boolean;
  /** Events that were acknowledged and not handled: of types that this version does not know, tests, and those older than the inbox. */
  readonly onIgnored?: (event: GatewayEvent, reason: IgnoredReason) => unknown;
  /** What was not answered 200, and why. Unless given, those with status 500 are written to the console. */
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
  /** @throws RangeError for secrets that cannot be right */
  constructor(private readonly options: ConsumerOptions<Tx>) {
    if (typeof options.secrets !== 'function') toWebhooks(options.secrets);
  }

  /** Answers a request, on every platform that has web standards. */
  readonly fetch = async (request: Request): Promise<Response> => {
    const bytes = (request.body ?? new Uint8Array()) as ReceivedBody;
    const { body, ...init } = await this.receive(Object.fromEntries(request.headers), bytes);
    return new Response(body, init);
  };

  /** The same for other platforms: `expressHandler` and its neighbours call it. */
  async receive(headers: ReceivedHeaders, body: ReceivedBody | (() => ReceivedBody)): Promise<Answer> {
    const { secrets, bodyLimit = BODY_LIMIT } = this.options;
    try {
      const text = await readBody(typeof body === 'function' ? body() : body, bodyLimit);
      const { id, event } = await verify(secrets, headers, text);
      return toAnswer(200, await this.process(id, event));
    } catch (error) {
      return this.refuse(error);
    }
  }

  /**
   * Handles what the feed of the ledger has behind the stored cursor, or all of it. An entry that comes by webhook too counts once.
   * Rejects with what `handle` or the client rejects with; the next call begins with the page that failed.
   */
  async catchUp(client: FeedClient, options: { signal?: AbortSignal } = {}): Promise<CatchUpCounts> {
    const { inbox } = this.options;
    const counts: CatchUpCounts = { handled: 0, duplicate: 0, expired: 0, ignored: 0 };
    for (let after = await inbox.loadCursor(); ; after = undefined)
      try {
        const input = { limit: PAGE_SIZE, ...(after !== undefined && { after }) };
        for await (const { items, next } of client.pages('listIssuances', input, options)) {
          for (const entry of items) {
            const event = toEvent(entry);
            counts[event ? await this.handleOnce(entry.id, event) : 'ignored'] += 1;
          }
          // Not before: what is read again after a crash is a duplicate.
          await inbox.saveCursor(next);
        }
        return counts;
      } catch (error) {
        if (!isFeedRestarted(error)) throw error;
      }
  }

  private async process(id: string, event: GatewayEvent): Promise<InboxOutcome | 'ignored'> {
    const { onIgnored } = this.options;
    const ignore = async (reason: IgnoredReason) => {
      await onIgnored?.(event, reason);
      return 'ignored' as const;
    };
    if (!isCurrencyIssued(event)) return ignore(event.type === 'gateway.test' ? 'test' : 'unknown-type');
    const outcome = await this.handleOnce(id, event);
    if (outcome === 'ignored') return ignore('test');
    if (outcome === 'expired') await ignore('expired');
    return outcome;
  }

  private async handleOnce(id: string, event: CurrencyIssued): Promise<InboxOutcome | 'ignored'> {
    const { inbox, handle, testRewards = false } = this.options;
    const { kind, transaction_id, nonce, test, received_at: receivedAt } = event.data;
    if (test && !testRewards) return 'ignored';
    const reward = createHash('sha256')
      .update(JSON.stringify([kind, transaction_id, kind === 'issuance' ? nonce : null]))
      .digest('base64url');
    return inbox.once({ id, reward, receivedAt }, async (tx) => void (await handle(event, tx)));
  }

  private async refuse(error: unknown): Promise<Answer> {
    if (error instanceof RetryLater)
      return toAnswer(503, 'retry-later', { 'retry-after': String(Math.ceil(error.seconds)) });
    if (error instanceof ConsumerGone) return toAnswer(410, 'gone');
    const { onError = logFailure } = this.options;
    const status = error instanceof Refusal ? error.status : 500;
    await onError(error, status);
    return toAnswer(status, status === 500 ? 'failed' : 'refused');
  }
}

function toAnswer(status: number, outcome: string, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ outcome }),
  };
}

/** Anybody can send requests without a signature: they fill no log. */
function logFailure(error: unknown, status: number): void {
  // oxlint-disable-next-line no-console
  if (status === 500) console.error('An event of the Rewards Gateway could not be handled:', error);
}
