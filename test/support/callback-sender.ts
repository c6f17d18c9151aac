import { Agent, request } from 'undici';
import { credentials } from './gateway.js';
import type { Fields } from './kiip.js';

/** The response to a callback. */
export interface CallbackResponse {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly text: string;
  /** The outcome and the ledger id of a response with status 200. */
  readonly outcome: string | undefined;
  readonly id: string | undefined;
}

/** A ledger entry as the feed returns it. */
export interface FeedEntry {
  readonly id: string;
  readonly kind: string;
  readonly status: string;
  readonly test: boolean;
  readonly transaction_id: string;
  readonly content: string;
  readonly name: string | null;
  readonly quantity: number | null;
  readonly user_id: string;
  readonly nonce: string | null;
  readonly origin: string | null;
}

/** Whether an entry is credited, by the gateway or by an operator. */
export const isAccepted = ({ status }: FeedEntry) => status === 'recorded' || status === 'released';

/** The signed text of an entry whose quantity is a number. */
export const textOf = ({ content, name, quantity, user_id, transaction_id, nonce, origin }: FeedEntry) =>
  [content, name, quantity, user_id, transaction_id, nonce, origin].join('');

/** Sends callbacks to gateway processes over persistent connections, without retries. */
export class CallbackSender {
  readonly #agent: Agent;

  constructor(connections = 16, timeoutMs = 20_000) {
    const limits = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs, connectTimeout: timeoutMs };
    this.#agent = new Agent({ connections, pipelining: 1, ...limits });
  }

  /** Posts a body to the callback route. Rejects without a response: connection refused, reset or timed out. */
  async post(
    origin: string,
    body: string | Uint8Array,
    headers: Record<string, string> = { 'content-type': 'application/json' },
    route = '',
  ): Promise<CallbackResponse> {
    const response = await request(`${origin}/callbacks/kiip${route}`, {
      dispatcher: this.#agent,
      method: 'POST',
      headers,
      body,
    });
    const text = await response.body.text();
    const { status, id } =
      response.statusCode === 200 ? (JSON.parse(text) as { status: string; id: string }) : {};
    const flat = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
    return {
      status: response.statusCode,
      headers: Object.fromEntries(flat) as Record<string, string>,
      text,
      outcome: status,
      id,
    };
  }

  callback(origin: string, fields: Fields): Promise<CallbackResponse> {
    return this.post(origin, JSON.stringify(fields));
  }

  /** Reads one page of the feed. */
  async page(origin: string, after?: string): Promise<{ items: FeedEntry[]; next: string }> {
    const cursor = after === undefined ? '' : `&after=${encodeURIComponent(after)}`;
    const { statusCode, body } = await request(`${origin}/api/v1/kiip/issuances?limit=500${cursor}`, {
      dispatcher: this.#agent,
      headers: credentials,
    });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`the feed responded with status ${statusCode}`);
    return JSON.parse(text) as { items: FeedEntry[]; next: string };
  }

  /** Reads the whole ledger from the feed, or what is behind a cursor. */
  async ledger(origin: string, cursor?: string): Promise<FeedEntry[]> {
    const entries: FeedEntry[] = [];
    for (let after = cursor; ;) {
      const { items, next } = await this.page(origin, after);
      if (items.length === 0) return entries;
      entries.push(...items);
      after = next;
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}
