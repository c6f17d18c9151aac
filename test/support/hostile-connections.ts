import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Draw } from './random-draw.js';

const CRLF = '\r\n';
const head = (...lines: string[]) => [...lines, '', ''].join(CRLF);
const callback = 'POST /callbacks/kiip HTTP/1.1';
const host = 'Host: gateway';
const typed = 'Content-Type: application/json';

/** Bytes that are no right request, by kind, in the parts in which they are written. */
export const BROKEN_REQUESTS: Record<string, (draw: Draw) => (string | Buffer)[]> = {
  'random bytes': (draw) => [draw.bytes(1 + draw.below(2_000))],
  'a TLS hello': (draw) => [Buffer.concat([Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00]), draw.bytes(300)])],
  'half a request line': () => ['GET /call'],
  'half of the headers': () => [`${callback}${CRLF}${host}${CRLF}Content-Ty`],
  'half of a body': (draw) => [
    head(callback, host, typed, 'Content-Length: 900'),
    `{"content":"${draw.hex(draw.below(400))}`,
  ],
  'no Host': () => [head('GET /health/live HTTP/1.1')],
  'two Hosts': () => [head(callback, host, 'Host: other', typed, 'Content-Length: 2'), '{}'],
  'a bad Host': (draw) => [
    head('GET / HTTP/1.1', `Host: ${draw.pick(['a b', 'a/b', '[::', '', 'a@b', 'é'])}`),
  ],
  'a bad Content-Length': (draw) => [
    head(
      callback,
      host,
      typed,
      `Content-Length: ${draw.pick(['-1', 'x', '1e3', '99999999999999999999', '2, 3', ''])}`,
    ),
    '{}',
  ],
  'two Content-Lengths': () => [head(callback, host, typed, 'Content-Length: 2', 'Content-Length: 3'), '{}'],
  'a length and chunks': () => [
    head(callback, host, typed, 'Content-Length: 2', 'Transfer-Encoding: chunked'),
    `0${CRLF}${CRLF}`,
  ],
  'a bad Transfer-Encoding': (draw) => [
    head(
      callback,
      host,
      typed,
      `Transfer-Encoding: ${draw.pick(['gzip', 'chunked, gzip', 'xchunked', 'identity', 'chunked, chunked'])}`,
    ),
    `2${CRLF}{}${CRLF}0${CRLF}${CRLF}`,
  ],
  'bad chunks': (draw) => [
    head(callback, host, typed, 'Transfer-Encoding: chunked'),
    `${draw.pick(['zz', '-1', 'fffffffffffffffff', '2;x=y', ''])}${CRLF}{}`,
    `${CRLF}0${CRLF}Host: trailer${CRLF}${CRLF}`,
  ],
  'another version': (draw) => [head(`GET / HTTP/${draw.pick(['0.9', '1.2', '2.0', '3', '9.9'])}`, host)],
  'another protocol': (draw) => [
    draw.pick([
      'SSH-2.0-OpenSSH\r\n',
      'EHLO gateway\r\n',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      '*1\r\n$4\r\nPING\r\n',
    ]),
  ],
  'long headers': (draw) => [
    head('GET /health/live HTTP/1.1', host, `X: ${'x'.repeat(15_000 + draw.below(10_000))}`),
  ],
  'a long URL': (draw) => [head(`GET /${'a'.repeat(15_000 + draw.below(10_000))} HTTP/1.1`, host)],
  'a control character': (draw) => [head(callback, host, `X: a${draw.pick(['\0', '\x07', '\x7f'])}b`)],
  'an upgrade': (draw) => [
    head('GET / HTTP/1.1', host, 'Connection: Upgrade', `Upgrade: ${draw.pick(['websocket', 'h2c'])}`),
  ],
  'a CONNECT': () => [head('CONNECT example.org:443 HTTP/1.1', host)],
  'an expectation': (draw) => [
    head(callback, host, typed, `Expect: ${draw.pick(['100-continue', 'x'])}`, 'Content-Length: 2'),
    '{}',
  ],
  'an absolute URL': () => [head('GET http://other/metrics HTTP/1.1', host)],
  'an asterisk': () => [head('OPTIONS * HTTP/1.1', host)],
};

/** Connections that are slow, by kind. Each lasts until the gateway closes it or `ended`. */
export const SLOW_CONNECTIONS: Record<string, (socket: Socket, draw: Draw) => void> = {
  'sends nothing': () => undefined,
  'sends its headers byte by byte': (socket, draw) => {
    const bytes = head(callback, host, typed, `X: ${'x'.repeat(500)}`);
    const everyMs = 200 + draw.below(1_000);
    let sent = 0;
    const timer = setInterval(() => {
      socket.write(bytes[sent % bytes.length]!);
      sent += 1;
    }, everyMs);
    socket.once('close', () => clearInterval(timer));
  },
  'sends half of a body': (socket, draw) => {
    socket.write(`${head(callback, host, typed, 'Content-Length: 9000')}{"content":"${draw.hex(100)}`);
  },
  'reads no response': (socket, draw) => {
    socket.pause();
    const path = draw.pick([
      '/openapi.json',
      '/docs',
      '/docs/swagger-ui-bundle.js',
      '/health/live',
      '/callbacks/kiip',
    ]);
    socket.write(head(`GET ${path} HTTP/1.1`, host).repeat(1 + draw.below(20)));
  },
  'pipelines requests': (socket, draw) => {
    socket.resume();
    socket.write(
      head(draw.pick(['GET /health/live HTTP/1.1', 'GET /callbacks/kiip HTTP/1.1']), host).repeat(
        1 + draw.below(60),
      ),
    );
  },
  'keeps its connection': (socket) => {
    socket.resume();
    socket.write(head('GET /health/live HTTP/1.1', host));
  },
};

/** Opens a connection that reports no errors. */
export function open(origin: string, localAddress: string): Socket {
  return connect({ host: '127.0.0.1', port: Number(new URL(origin).port), localAddress }).on(
    'error',
    () => undefined,
  );
}

/**
 * Writes the parts of a request, 5 ms apart.
 * @param resets whether the connection is reset after them
 * @returns the status of the first response, or how the connection ended
 */
export async function exchange(
  origin: string,
  localAddress: string,
  parts: readonly (string | Buffer)[],
  { resets, waitMs }: { resets: boolean; waitMs: number },
): Promise<number | string> {
  const socket = open(origin, localAddress);
  const ended = new Promise<string>((resolve) => {
    socket.once('close', () => resolve('closed'));
    socket.once('data', (data) => resolve(String(data.subarray(0, 64))));
  });
  for (const part of parts) {
    socket.write(part, 'latin1' as BufferEncoding);
    await sleep(5);
  }
  if (resets) {
    socket.resetAndDestroy();
    return 'reset by us';
  }
  const first = await Promise.race([ended, sleep(waitMs, 'nothing')]);
  socket.destroy();
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1];
  return status === undefined ? first : Number(status);
}
