import { Agent, request } from 'undici';
import { credentials } from './gateway.js';
import type { Fields } from './kiip.js';

/** What a callback was answered. */
export interface SentAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly text: string;
  /** Of a 200: what became of the callback, and its row. */
  readonly outcome: string | undefined;
  readonly id: string | undefined;
}

/** A row of the ledger as the feed gives it. */
export interface FeedRow {
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

/** What counts: accepted, by the program or by a human being. */
export const isAccepted = ({ status }: FeedRow) => status === 'recorded' || status === 'released';

/** The text that a row's signature covers; of rows whose quantity is a number. */
export const textOf = ({ content, name, quantity, user_id, transaction_id, nonce, origin }: FeedRow) =>
  [content, name, quantity, user_id, transaction_id, nonce, origin].join('');

/** A way to gateways that are processes of their own: connections stay open, and nothing is sent twice unasked. */
export class CallbackSender {
  readonly #agent: Agent;

  constructor(connections = 16, timeoutMs = 20_000) {
    const limits = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs, connectTimeout: timeoutMs };
    this.#agent = new Agent({ connections, pipelining: 1, ...limits });
  }

  /** POSTs any body to the callbacks. Rejects when there is no answer: refused, reset, or silent for too long. */
  async post(
    origin: string,
    body: string | Uint8Array,
    headers: Record<string, string> = { 'content-type': 'application/json' },
    route = '',
  ): Promise<SentAnswer> {
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

  callback(origin: string, fields: Fields): Promise<SentAnswer> {
    return this.post(origin, JSON.stringify(fields));
  }

  /** One page of the feed. */
  async page(origin: string, after?: string): Promise<{ items: FeedRow[]; next: string }> {
    const cursor = after === undefined ? '' : `&after=${encodeURIComponent(after)}`;
    const { statusCode, body } = await request(`${origin}/api/v1/kiip/issuances?limit=500${cursor}`, {
      dispatcher: this.#agent,
      headers: credentials,
    });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`the feed answered ${statusCode}`);
    return JSON.parse(text) as { items: FeedRow[]; next: string };
  }

  /** The whole ledger, through the feed. */
  async ledger(origin: string): Promise<FeedRow[]> {
    const rows: FeedRow[] = [];
    for (let after: string | undefined; ;) {
      const { items, next } = await this.page(origin, after);
      if (items.length === 0) return rows;
      rows.push(...items);
      after = next;
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}
