import { once } from 'node:events';
import { Agent, get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { startGateway } from '../support/gateway.js';
import type { Gateway } from '../support/gateway.js';
import { findSeries, scrapeMetrics } from '../support/metrics.js';
import { scale } from '../support/scale.js';
import { waitFor } from '../support/wait-for.js';

const TOTAL = 60;
const PER_ADDRESS = 20;
const STALL_MS = 300;
const live = 'GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n';

let gateway: Gateway;
let sockets: Socket[] = [];

beforeAll(async () => {
  gateway = await startGateway({
    HOST: '0.0.0.0',
    MAX_CONNECTIONS: String(TOTAL),
    MAX_CONNECTIONS_PER_ADDRESS: String(PER_ADDRESS),
  });
  gateway.app.getHttpServer().timeout = STALL_MS;
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
  await waitFor('the connections are closed', async () => (await open()) < 10, 3);
});
afterAll(() => gateway.close());

/** Opens a connection from an address of this machine. */
async function openFrom(address: string): Promise<Socket> {
  const socket = connect({
    port: Number(new URL(gateway.url).port),
    host: '127.0.0.1',
    localAddress: address,
  });
  socket.on('error', () => undefined);
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

/** Sends a request, as a client that keeps the connection for the next one, and reads the response. */
async function ask(socket: Socket): Promise<boolean> {
  const ended = once(socket, 'close').then(() => false);
  socket.write(live);
  return Promise.race([once(socket, 'data').then(() => true), ended]);
}

/** The status of a request on a new connection; undefined if it is hung up on. */
async function statusFrom(localAddress: string, path = '/health/live'): Promise<number | undefined> {
  const request = get(`${gateway.url}${path}`, { agent: new Agent(), localAddress });
  try {
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    await text(response);
    return response.statusCode;
  } catch {
    return undefined;
  }
}

async function open(): Promise<number> {
  return (await scrapeMetrics(gateway))['rewards_gateway_open_connections']!;
}

async function dropped(): Promise<Record<string, number>> {
  const series = findSeries(await scrapeMetrics(gateway), 'rewards_gateway_connections_dropped_total');
  return Object.fromEntries(
    Object.entries(series).map(([labels, count]) => [/"(.*)"/.exec(labels)![1], count]),
  );
}

describe('connections that are kept open with a cheap request now and then', () => {
  it('of one address are limited, and its idlest one makes room for its next one', async () => {
    const before = await dropped();
    const all: Socket[] = [];
    for (let count = 0; count < PER_ADDRESS; count += 1) {
      all.push(await openFrom('127.0.0.2'));
      expect(await ask(all.at(-1)!)).toBe(true);
    }
    // The first one is used again: now the second is the idlest.
    expect(await ask(all[0]!)).toBe(true);
    expect(await ask(await openFrom('127.0.0.2'))).toBe(true);
    await waitFor('one is closed', () => all.some(({ closed }) => closed));
    expect(all.map(({ closed }) => closed).indexOf(true)).toBe(1);
    expect(all.filter(({ closed }) => closed)).toHaveLength(1);
    expect((await dropped())['made_room']! - before['made_room']!).toBe(1);
  });

  it('do not keep others out, from however many addresses they come', async () => {
    const before = await dropped();
    const statuses: (number | undefined)[] = [];
    for (let count = 0; count < scale(3, 20) * TOTAL; count += 1) {
      const socket = await openFrom(`127.0.1.${1 + (count % 30)}`);
      // Half of them never send anything.
      if (count % 2) socket.write(live);
      if (count % 10 === 0) statuses.push(await statusFrom('127.0.0.9', '/health/ready'));
    }
    // There is no database here: what matters is that every probe gets a response.
    expect(new Set(statuses)).toEqual(new Set([503]));
    expect(await open()).toBeLessThanOrEqual(TOTAL);
    expect((await dropped())['made_room']!).toBeGreaterThan(before['made_room']! + TOTAL);
    expect(gateway.log.find(({ msg }) => msg === 'connections dropped')).toMatchObject({ level: 'warn' });
  });

  it('that are all busy are kept, and a new one of the same address is refused and counted', async () => {
    const before = await dropped();
    const busy = await Promise.all(Array.from({ length: PER_ADDRESS }, () => openFrom('127.0.0.3')));
    // A request whose body has not arrived yet.
    for (const socket of busy)
      socket.write(
        'POST /callbacks/kiip HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{',
      );
    await waitFor('the gateway has them', async () => (await open()) >= PER_ADDRESS);
    await sleep(50);
    expect(await statusFrom('127.0.0.3')).toBeUndefined();
    expect(await statusFrom('127.0.0.4')).toBe(200);
    expect((await dropped())['address_limit']! - before['address_limit']!).toBe(1);
    for (const socket of busy) {
      socket.write('}');
      expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 400 /);
    }
  });
});

const page = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

async function sendUnread(requests: string): Promise<Socket> {
  const socket = await openFrom('127.0.0.5');
  socket.pause();
  socket.write(requests);
  return socket;
}

describe('clients that do not read', () => {
  it.each([
    ['/openapi.json', 100],
    ['/docs/swagger-ui-bundle.js', 30],
  ])('lose the connection when they take nothing of %s for a while', async (path, requests) => {
    const before = await dropped();
    // The buffers of the system take some megabytes.
    await sendUnread(page(path).repeat(requests));
    await waitFor('it is closed', async () => (await dropped())['unread']! > before['unread']!, 10);
    expect((await dropped())['unread']! - before['unread']!).toBe(1);
  });

  it('lose the connection when they ask for much more than they read', async () => {
    const before = await dropped();
    const socket = await sendUnread(page('/health/live').repeat(scale(100, 1_000)));
    await waitFor('it is closed', async () => (await dropped())['unread']! > before['unread']!, 10);
    expect(socket.bytesRead).toBeLessThan(100_000);
  });

  it('that read slowly get the whole response', async () => {
    const response = await fetch(`${gateway.url}/docs/swagger-ui-bundle.js`, {
      headers: { 'accept-encoding': 'identity' },
    });
    let size = 0;
    let chunks = 0;
    for await (const chunk of response.body!) {
      size += chunk.length;
      chunks += 1;
      if (chunks % 10 === 0) await sleep(STALL_MS / 10);
    }
    expect(size).toBeGreaterThan(1_000_000);
  });
});
