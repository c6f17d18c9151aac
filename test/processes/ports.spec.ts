import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { freePort } from '../support/free-port.js';
import { startProcess } from '../support/gateway-process.js';
import { redemption } from '../support/kiip.js';
import { waitFor } from '../support/wait-for.js';

describe('the ports of a process', () => {
  it.each(['CALLBACK_PORT', 'MANAGEMENT_PORT'])('are named when one is in use: %s', async (variable) => {
    const port = await freePort();
    await using first = startProcess({ [variable]: String(port) });
    await waitFor(
      'both ports',
      () => first.lines.filter((line) => line.includes('"listening"')).length === 2,
    );
    await using second = startProcess({ [variable]: String(port) });
    expect((await second.ended).code).toBe(1);
    expect(second.log().at(-1)).toMatchObject({
      level: 'fatal',
      msg: `cannot listen: the port in ${variable} is in use`,
    });
  });

  it('are all drained on SIGTERM: requests that have begun on them are answered', async () => {
    await using gateway = startProcess({ CALLBACK_PORT: '0', MANAGEMENT_PORT: '0' });
    const ports = () => gateway.log().filter(({ msg }) => msg === 'listening');
    await waitFor('three ports', () => gateway.lines.length > 2 && ports().length === 3);
    expect(ports().map(({ listener }) => listener)).toEqual(['callers', 'callbacks', 'management']);
    const [, callbacks, management] = ports().map(({ port }) => Number(port)) as [number, number, number];
    const body = JSON.stringify(redemption());
    const socket = connect(callbacks, '127.0.0.1');
    const head = `POST /callbacks/kiip HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
    socket.write(head + body.slice(0, 10));
    await once(socket, 'connect');
    const ready = `http://127.0.0.1:${management}/health/ready`;
    // The connection stays open for the next request.
    await (await fetch(ready)).text();
    gateway.signal('SIGTERM');
    await gateway.logged('stopping');
    const draining = await fetch(ready);
    expect([draining.status, draining.headers.get('connection')]).toEqual([503, 'close']);
    expect(await draining.text()).toContain('draining');
    socket.write(body.slice(10));
    // No database is there, so nothing is acknowledged.
    expect(await text(socket)).toMatch(/^HTTP\/1.1 503 [^]*\r\nconnection: close\r\n/i);
    expect(await gateway.ended).toEqual({ code: 0, signal: null });
  });
});
