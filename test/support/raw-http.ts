import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { credentials } from './gateway.js';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** GETs a path as it stands: fetch and supertest resolve "..", also when it is percent-encoded. */
export function getAsIs(url: string, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request(url, { path, headers: { ...credentials, ...headers } }, (response) => {
      const { statusCode: status = 0, headers } = response;
      text(response).then((text) => resolve({ status, headers, text }), reject);
    });
    call.on('error', reject).end();
  });
}

/** Less than a test may take: a test that fails leaves no connection behind. */
const longestWaitMs = 4_000;

/** Writes bytes to the port, and reads the one answer that comes before the connection ends or `Content-Length` is reached. */
export function sendBytes(url: string, bytes: string | Buffer): Promise<Answer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let received = '';
    const finish = () => {
      socket.destroy();
      resolve(parse(received));
    };
    socket.setTimeout(longestWaitMs, () => socket.destroy(new Error('no answer in time')));
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      received += chunk;
      if (isWhole(received)) finish();
    });
    socket.on('end', finish);
    // A server that closes on unread bytes resets the connection after its answer.
    socket.on('error', (error) => (received === '' ? reject(error) : finish()));
    socket.write(bytes);
  });
}

function isWhole(received: string): boolean {
  const { headers, text } = parse(received);
  return headers['content-length'] !== undefined && text.length >= Number(headers['content-length']);
}

function parse(received: string): Answer {
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
