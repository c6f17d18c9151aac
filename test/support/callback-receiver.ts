import { createServer } from 'node:http';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A callback as it arrived. */
export interface ReceivedCallback {
  /** When, in milliseconds by the clock of `performance.now()`. */
  atMs: number;
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** How to answer: a status (body `OK`), both, 'hang' for never, or by hand. */
export type ReceiverAnswer =
  | number
  | { status: number; body?: string; headers?: Record<string, string> }
  | 'hang'
  | ((response: ServerResponse) => void);

export interface CallbackReceiver {
  readonly url: string;
  readonly received: ReceivedCallback[];
  /** Most calls that were ever open at once. */
  maxOpen(): number;
  /** Answers of the next calls; those after them get 200. */
  answer(...answers: ReceiverAnswer[]): void;
  /** Keeps answers back until so many calls are open. */
  gather(calls: number): void;
  reset(): void;
  close(): Promise<void>;
}

/** Starts a server that records what is posted to it, on a free loopback port. */
export async function startCallbackReceiver(): Promise<CallbackReceiver> {
  const received: ReceivedCallback[] = [];
  let answers: ReceiverAnswer[] = [];
  let held: (() => void)[] = [];
  let wanted = 1;
  let open = 0;
  let most = 0;
  const server = createServer((request, response) => {
    open += 1;
    most = Math.max(most, open);
    response.once('close', () => (open -= 1));
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      received.push({ atMs: performance.now(), method, path, headers, body });
      const answer = answers.shift() ?? 200;
      if (answer === 'hang') return;
      if (typeof answer === 'function') {
        answer(response);
        return;
      }
      const {
        status,
        body: text = 'OK',
        headers: more = {},
      } = typeof answer === 'number' ? { status: answer } : answer;
      held.push(() => response.writeHead(status, more).end(text));
      if (held.length < wanted) return;
      for (const release of held.splice(0)) release();
      wanted = 1;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    maxOpen: () => most,
    answer: (...next) => void (answers = next),
    gather: (calls) => void (wanted = calls),
    reset() {
      received.length = 0;
      answers = [];
      held = [];
      wanted = 1;
      most = 0;
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

export type Members = Record<string, unknown>;

/** The members of a JSON or form body; of two with the same name, the last. */
export function membersOf(body: string): Members {
  return body.startsWith('{') ? (JSON.parse(body) as Members) : Object.fromEntries(new URLSearchParams(body));
}
