import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { credentials } from './gateway.js';

export interface RawResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** GETs a path unchanged: fetch and supertest resolve "..", even when it is percent-encoded. */
export function getAsIs(
  url: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const call = request(url, { path, headers: { ...credentials, ...headers } }, (response) => {
      const { statusCode: status = 0, headers } = response;
      text(response).then((text) => resolve({ status, headers, text }), reject);
    });
    call.on('error', reject).end();
  });
}

/** Shorter than a test may take, so that a failing test leaves no connection open. */
const TIMEOUT_MS = 4_000;

/** Writes bytes to the port and reads one response, until the connection ends or `Content-Length` is reached. */
export function sendBytes(url: string, bytes: string | Buffer): Promise<RawResponse> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let received = '';
    const finish = () => {
      socket.destroy();
      resolve(parse(received));
    };
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('no response in time')));
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      received += chunk;
      if (isComplete(received)) finish();
    });
    socket.on('end', finish);
    // A server that closes a connection with unread bytes resets it after the response.
    socket.on('error', (error) => (received === '' ? reject(error) : finish()));
    socket.write(bytes);
  });
}

function isComplete(received: string): boolean {
  const { headers, text } = parse(received);
  return headers['content-length'] !== undefined && text.length >= Number(headers['content-length']);
}

function parse(received: string): RawResponse {
  const [head = '', ...rest] = received.split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  );
  return { status: Number(statusLine.split(' ')[1]), headers, text: rest.join('\r\n\r\n') };
}
