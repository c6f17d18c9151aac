import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseEvent } from './consumer.js';
import type { ReceivedEvent } from './consumer.js';

/** An event as it arrived, once. */
export interface Receipt extends ReceivedEvent {
  /** The `sender` in the URL: which gateway sent it, where each has a URL of its own. */
  readonly sender: string;
  /** By the clock of `performance.now()`. */
  readonly atMs: number;
}

export type InboxResponse = number | 'never';

/** A consumer that keeps every event in the order of arrival, and remembers their ids. */
export class Inbox {
  readonly receipts: Receipt[] = [];
  /** How the next events are answered, and when. */
  respond: (receipt: Receipt) => InboxResponse | Promise<InboxResponse> = () => 200;
  readonly #answered = new EventEmitter();
  readonly #server = createServer((request, response) => void this.#take(request, response));

  static async open(): Promise<Inbox> {
    const inbox = new Inbox();
    await once(inbox.#server.listen(0, '127.0.0.1'), 'listening');
    return inbox;
  }

  url(sender = ''): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/events?sender=${sender}`;
  }

  /** What has arrived, by id; each list in the order of arrival. */
  get byId(): Map<string, Receipt[]> {
    return Map.groupBy(this.receipts, ({ id }) => id);
  }

  /** Keeps the answers back until the status is given. */
  hold(): (status: number) => void {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.respond = () => promise;
    return resolve;
  }

  /** The next event whose answer leaves: in the very moment. */
  async nextResponse(): Promise<Receipt> {
    const [receipt] = (await once(this.#answered, 'answered')) as [Receipt];
    return receipt;
  }

  async close(): Promise<void> {
    const closed = once(this.#server.close(), 'close');
    this.#server.closeAllConnections();
    await closed;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    try {
      for await (const chunk of request.setEncoding('utf8')) body += String(chunk);
    } catch {
      // Its sender has been killed.
      return;
    }
    const sender = new URL(request.url ?? '', 'http://inbox').searchParams.get('sender') ?? '';
    const receipt = { ...parseEvent({ headers: request.headers, body }), sender, atMs: performance.now() };
    this.receipts.push(receipt);
    const status = await this.respond(receipt);
    if (status === 'never') return;
    response.once('finish', () => this.#answered.emit('answered', receipt));
    response.writeHead(status).end();
  }
}
