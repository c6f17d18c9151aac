import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseEvent } from './consumer.js';
import type { ReceivedEvent } from './consumer.js';

/** One arrival of an event. */
export interface Receipt extends ReceivedEvent {
  /** The `sender` in the URL, which tells gateways with different URLs apart. */
  readonly sender: string;
  /** The time of arrival, by `performance.now()`. */
  readonly atMs: number;
}

export type InboxResponse = number | 'never';

/** A consumer that keeps every event in the order of arrival. */
export class Inbox {
  readonly receipts: Receipt[] = [];
  /** Decides the response to each event, and when it is sent. */
  respond: (receipt: Receipt) => InboxResponse | Promise<InboxResponse> = () => 200;
  readonly #responded = new EventEmitter();
  readonly #server = createServer((request, response) => void this.#receive(request, response));

  static async open(): Promise<Inbox> {
    const inbox = new Inbox();
    await once(inbox.#server.listen(0, '127.0.0.1'), 'listening');
    return inbox;
  }

  url(sender = ''): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/events?sender=${sender}`;
  }

  /** The receipts by event id, each list in the order of arrival. */
  get byId(): Map<string, Receipt[]> {
    return Map.groupBy(this.receipts, ({ id }) => id);
  }

  /** Delays all responses until the returned function is called with their status. */
  hold(): (status: number) => void {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.respond = () => promise;
    return resolve;
  }

  /** Resolves with the next event as soon as its response has been written. */
  async nextResponse(): Promise<Receipt> {
    const [receipt] = (await once(this.#responded, 'responded')) as [Receipt];
    return receipt;
  }

  async close(): Promise<void> {
    const closed = once(this.#server.close(), 'close');
    this.#server.closeAllConnections();
    await closed;
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    try {
      for await (const chunk of request.setEncoding('utf8')) body += String(chunk);
    } catch {
      // The sender was killed.
      return;
    }
    const sender = new URL(request.url ?? '', 'http://inbox').searchParams.get('sender') ?? '';
    const receipt = { ...parseEvent({ headers: request.headers, body }), sender, atMs: performance.now() };
    this.receipts.push(receipt);
    const status = await this.respond(receipt);
    if (status === 'never') return;
    response.once('finish', () => this.#responded.emit('responded', receipt));
    response.writeHead(status).end();
  }
}
