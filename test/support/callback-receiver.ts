import { createServer } from 'node:http';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A callback as it arrived. */
export interface ReceivedCallback {
  /** The time of arrival, by `performance.now()`. */
  atMs: number;
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** The response to send: a status with the body `OK`, a status with a body, 'hang' for none, or a function that writes it. */
export type ReceiverResponse =
  | number
  | { status: number; body?: string; headers?: Record<string, string> }
  | 'hang'
  | ((response: ServerResponse) => void);

export interface CallbackReceiver {
  readonly url: string;
  readonly received: ReceivedCallback[];
  /** The highest number of calls that were open at once. */
  maxOpen(): number;
  /** Sets the responses to the next calls. Later calls get 200. */
  answer(...responses: ReceiverResponse[]): void;
  /** Delays responses until the given number of calls are open. */
  gather(calls: number): void;
  reset(): void;
  close(): Promise<void>;
}

/** Starts a server that records what is posted to it, on a free loopback port. */
export async function startCallbackReceiver(): Promise<CallbackReceiver> {
  const received: ReceivedCallback[] = [];
  let responses: ReceiverResponse[] = [];
  let held: (() => void)[] = [];
  let minHeld = 1;
  let open = 0;
  let maxOpen = 0;
  const server = createServer((request, response) => {
    open += 1;
    maxOpen = Math.max(maxOpen, open);
    response.once('close', () => (open -= 1));
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      received.push({ atMs: performance.now(), method, path, headers, body });
      const next = responses.shift() ?? 200;
      if (next === 'hang') return;
      if (typeof next === 'function') {
        next(response);
        return;
      }
      const {
        status,
        body: text = 'OK',
        headers: more = {},
      } = typeof next === 'number' ? { status: next } : next;
      held.push(() => response.writeHead(status, more).end(text));
      if (held.length < minHeld) return;
      for (const release of held.splice(0)) release();
      minHeld = 1;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    maxOpen: () => maxOpen,
    answer: (...next) => void (responses = next),
    gather: (calls) => void (minHeld = calls),
    reset() {
      received.length = 0;
      responses = [];
      held = [];
      minHeld = 1;
      maxOpen = 0;
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

export type Members = Record<string, unknown>;

/** Parses a JSON or form body. The last of several fields with the same name wins. */
export function membersOf(body: string): Members {
  return body.startsWith('{') ? (JSON.parse(body) as Members) : Object.fromEntries(new URLSearchParams(body));
}
