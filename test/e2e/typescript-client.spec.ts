import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import { startKiipSandbox } from '@rewards-gateway/sandbox';
import type { KiipSandbox } from '@rewards-gateway/sandbox';
import {
  GatewayProblem,
  RewardsGatewayClient,
  idempotencyKeyOf,
} from '../../clients/typescript/src/index.js';
import type { CallOptions, ClientOptions } from '../../clients/typescript/src/index.js';
import { RewardsGatewayModule } from '../../clients/typescript/src/nestjs.js';
import { tokenFile } from '../../clients/typescript/src/token-file.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { apiKey, startWorld } from '../support/gateway.js';
import type { World } from '../support/gateway.js';
import { redemption } from '../support/kiip.js';
import { kiipAppKey, momentOf } from '../support/kiip-world.js';
import { waitFor } from '../support/wait-for.js';

const USER = { external_user_id: 'user123', external_program_id: 'program456' };

let database: TestDatabase;
let kiip: KiipSandbox;
let world: World;
const servers: Server[] = [];

beforeAll(async () => {
  database = await newDatabase();
  kiip = await startKiipSandbox();
  world = await startWorld({ ...database.env, KIIP_BASE_URL: kiip.url, KIIP_APP_KEY: kiipAppKey });
});
afterAll(async () => {
  for (const server of servers) server.close().closeAllConnections();
  await world.close();
  await kiip.close();
  await database.drop();
});

const clientOf = (options: Partial<ClientOptions> = {}) =>
  new RewardsGatewayClient({ url: world.gateway.url, token: apiKey, ...options });

/** Starts a server in place of the gateway, and counts its requests. */
async function startServer(handle: RequestListener): Promise<{ url: string; seen: () => number }> {
  let count = 0;
  const server = createServer((request, response) => {
    count += 1;
    handle(request, response);
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen: () => count };
}

/** Responds with a problem to the first request, and with `{}` to the others. */
const startFailing = (status: number, body: object | string, headers: object = {}) => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  let isFirst = true;
  return startServer((_, response) => {
    if (isFirst)
      response.writeHead(status, { 'content-type': 'application/problem+json', ...headers }).end(text);
    else response.end('{}');
    isFirst = false;
  });
};

const failureOf = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

const failedMoment = (url: string, options?: CallOptions) =>
  failureOf(clientOf({ url, deadlineMs: 100 }).postKiipMoment({ body: momentOf('user123') }, options));

describe('the TypeScript client', () => {
  it('calls operations by their names', async () => {
    const client = clientOf();
    const { account_id } = await client.findAccount(USER);

    expect(await client.getUnviewedCount(USER)).toEqual({ count: 12 });
    expect(await client.getHubSummary({ account_id })).toMatchObject({ unviewed_products: 12 });
    expect(await client.batchGetUnviewedCounts({ body: { users: [USER] } })).toEqual({
      results: [{ ...USER, count: 12 }],
    });
    expect(await client.listConsumers()).toEqual({ items: [] });
  });

  it('encodes parameters, and keeps a path prefix', async () => {
    const asked: string[] = [];
    const { url } = await startServer((request, response) => {
      asked.push(request.url!);
      response.end('{}');
    });
    const client = clientOf({ url: `${url}/rewards/` });
    await client.getBalances({ user_id: 'a/b ?ü' });
    await client.listIssuances({ user_id: 'a&b', limit: 5 });

    expect(asked).toEqual([
      '/rewards/api/v1/kiip/users/a%2Fb%20%3F%C3%BC/balances',
      '/rewards/api/v1/kiip/issuances?user_id=a%26b&limit=5',
    ]);
  });

  it('throws problems with what they say', async () => {
    const client = clientOf();
    const unknown = await failureOf(client.getUnviewedCount({ ...USER, external_user_id: 'nobody' }));
    const requestId = randomUUID();
    const invalid = await failureOf(client.listDeliveries({ limit: 501 }, { requestId }));

    expect(unknown).toBeInstanceOf(GatewayProblem);
    expect([(unknown as GatewayProblem).is('account-not-found'), (unknown as GatewayProblem).status]).toEqual(
      [true, 404],
    );
    expect(invalid).toMatchObject({
      type: 'urn:rewards-gateway:problem:validation',
      errors: [{ pointer: '/limit' }],
      retryable: false,
      requestId,
    });
  });

  it('repeats a moment whose response was lost, under the same key', async () => {
    const user = randomUUID();
    const keys: unknown[] = [];
    const client = clientOf({
      fetch: async (url, init) => {
        keys.push(new Headers(init!.headers).get('idempotency-key'));
        const response = await fetch(url, init);
        if (keys.length > 1) return response;
        await response.arrayBuffer();
        throw new TypeError('terminated');
      },
    });
    const moment = await client.postKiipMoment({ body: momentOf(user) });

    expect(moment).toMatchObject({ date: expect.any(String) });
    expect(keys).toEqual([expect.stringMatching(/^\d+-\d+$/), keys[0]]);
    const sent = kiip.requests().filter((request) => JSON.stringify(request).includes(user));
    expect(sent).toHaveLength(1);
  });

  it('does not repeat without a response what may have had an effect', async () => {
    const { url, seen } = await startServer((request) => request.socket.destroy());
    const failure = await failureOf(clientOf({ url }).retryDelivery({ id: 'dlv_1' }));

    expect(failure).toBeInstanceOf(TypeError);
    expect(seen()).toBe(1);
  });

  it.each([
    ['storage-unavailable', 1],
    ['rate-limited', 2],
    ['upstream-busy', 2],
  ])('after %s, sends what has an effect %i times', async (name, times) => {
    const body = { type: `urn:rewards-gateway:problem:${name}`, status: 503, retryable: true };
    const { url, seen } = await startFailing(503, body);
    const failure = await failureOf(clientOf({ url }).retryDelivery({ id: 'dlv_1' }));

    expect([failure === undefined, seen()]).toEqual([times === 2, times]);
  });

  it('says under which key a call has failed', async () => {
    const lost = await startServer((request) => request.socket.destroy());
    const body = { type: 'urn:rewards-gateway:problem:outcome-unknown', status: 409 };
    const { url } = await startFailing(409, body);
    const silent = await startServer(() => {});
    const idempotencyKey = 'completion-4711';
    const generated = await failedMoment(lost.url);
    const failures = [
      await failedMoment(url, { idempotencyKey }),
      await failedMoment(silent.url, { idempotencyKey }),
    ];

    expect(idempotencyKeyOf(generated)).toMatch(/^\d+-\d+$/);
    expect(failures).toMatchObject([{ status: 409 }, { name: 'TimeoutError' }]);
    expect(failures.map(idempotencyKeyOf)).toEqual([idempotencyKey, idempotencyKey]);
    const signal = AbortSignal.abort();
    expect(await failedMoment(silent.url, { idempotencyKey, signal })).toBe(signal.reason);
    expect(idempotencyKeyOf(signal.reason)).toBeUndefined();
  });

  it('refuses what cannot be sent before it asks', async () => {
    const { url, seen } = await startServer((_, response) => response.end('{}'));
    const client = clientOf({ url, deadlineMs: 500 });
    const body = momentOf('user123');
    const keys = ['', 'Стъпка', 'a b', 'x'.repeat(256)].map((idempotencyKey) =>
      client.postKiipMoment({ body }, { idempotencyKey }),
    );
    const ids = ['', '.', '..', undefined as unknown as string].map((id) => client.getIssuance({ id }));

    expect(await Promise.all([...keys, ...ids].map(failureOf))).toEqual([
      ...keys.map(() => expect.objectContaining({ name: 'RangeError' })),
      ...ids.map(() => expect.objectContaining({ name: 'RangeError' })),
    ]);
    expect(await failureOf(client.listConsumers({}, { requestId: 'ж' }))).toMatchObject({
      name: 'TypeError',
    });
    expect(seen()).toBe(0);
  });

  it('does not follow redirects', async () => {
    const { url, seen } = await startServer((_, response) =>
      response.writeHead(302, { location: '/elsewhere' }).end(),
    );

    expect(await failureOf(clientOf({ url }).listConsumers())).toMatchObject({ status: 302 });
    expect(seen()).toBe(1);
  });

  it('does not repeat failures of its options, and waits for them no longer than its deadline', async () => {
    let asked = 0;
    const failing = () => {
      asked += 1;
      return Promise.reject(new TypeError('no token'));
    };

    expect(await failureOf(clientOf({ token: failing }).listConsumers())).toMatchObject({
      message: 'no token',
    });
    expect(asked).toBe(1);
    expect(
      await failureOf(
        clientOf({ token: () => new Promise<string>(() => {}), deadlineMs: 20 }).listConsumers(),
      ),
    ).toMatchObject({
      name: 'TimeoutError',
    });
  });

  it('throws a problem for a broken one, and reads Retry-After as a date', async () => {
    const broken = await startFailing(404, '{"type":');
    const later = new Date(Date.now() + 60_000).toUTCString();
    const dated = await startFailing(503, '', { 'content-type': 'text/html', 'retry-after': later });
    const failure = await failureOf(clientOf({ url: dated.url }).listConsumers());

    expect(await failureOf(clientOf({ url: broken.url }).listConsumers())).toMatchObject({
      name: 'GatewayProblem',
      status: 404,
    });
    expect(failure).toMatchObject({ status: 503 });
    expect((failure as GatewayProblem).retryAfterMs).toBeGreaterThan(50_000);
  });

  it('waits as long as Retry-After says, and no longer than its deadline', async () => {
    const startedAt = performance.now();
    const busy = await startServer((_, response) => {
      const body = { type: 'urn:rewards-gateway:problem:storage-unavailable', retryable: true };
      response.writeHead(503, { 'content-type': 'application/problem+json', 'retry-after': '1' });
      if (busy.seen() === 1) response.end(JSON.stringify({ ...body, retry_after_seconds: 0.05 }));
      else response.end(JSON.stringify({ ...body, retry_after_seconds: 60 }));
    });
    const failure = await failureOf(clientOf({ url: busy.url }).listConsumers({}, { deadlineMs: 30_000 }));

    expect(failure).toMatchObject({ status: 503, retryAfterMs: 60_000 });
    expect(busy.seen()).toBe(2);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(49);
  });

  it('repeats a read that a proxy could not pass on', async () => {
    const proxy = await startServer((_, response) => {
      if (proxy.seen() < 3) response.writeHead(502, { 'content-type': 'text/html' }).end('<html>');
      else response.end('{"count":3}');
    });

    expect(await clientOf({ url: proxy.url }).getUnviewedCount(USER)).toEqual({ count: 3 });
    expect(proxy.seen()).toBe(3);
  });

  it('ends at its deadline and by its signal, and closes the connection', async () => {
    let closed = 0;
    const silent = await startServer((request) => request.socket.once('close', () => (closed += 1)));
    const client = clientOf({ url: silent.url });
    const controller = new AbortController();
    const aborted = failureOf(client.getUnviewedCount(USER, { signal: controller.signal }));
    const late = await failureOf(client.getUnviewedCount(USER, { deadlineMs: 100 }));
    controller.abort();

    expect(late).toMatchObject({ name: 'TimeoutError' });
    expect(await aborted).toMatchObject({ name: 'AbortError' });
    await waitFor('both connections are closed', () => closed === 2);
  });

  it('passes the trace on', async () => {
    const headers: unknown[] = [];
    const { url } = await startServer((request, response) => {
      headers.push(request.headers);
      response.end('{}');
    });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await clientOf({ url, headers: () => ({ traceparent }) }).listConsumers();
    await clientOf({ url }).listConsumers({}, { traceparent, requestId: 'checkout-4711' });

    expect(headers).toMatchObject([{ traceparent }, { traceparent, 'x-request-id': 'checkout-4711' }]);
  });

  it('sends each header once, that of the call before that of the client', async () => {
    const raw: string[][] = [];
    const { url } = await startServer((request, response) => {
      raw.push(request.rawHeaders);
      response.end('{}');
    });
    const common = { Accept: 'text/html', Authorization: 'none', 'CACHE-CONTROL': 'max-age=5' };
    await clientOf({ url, headers: () => common }).listConsumers(
      {},
      { headers: { 'Cache-Control': 'no-cache' } },
    );

    const valuesOf = (name: string) =>
      raw[0]!.filter((_, index) => index % 2 === 1 && raw[0]![index - 1]!.toLowerCase() === name);
    expect(valuesOf('accept')).toEqual(['application/json, application/problem+json']);
    expect(valuesOf('authorization')).toEqual([`Bearer ${apiKey}`]);
    expect(valuesOf('cache-control')).toEqual(['no-cache']);
  });

  it('reads a token from a file, also after it was replaced', async () => {
    const file = join(tmpdir(), `token-${randomUUID()}`);
    writeFileSync(file, 'an-old-token-00000\n');
    const client = clientOf({
      token: tokenFile(file),
      fetch: async (url, init) => {
        const response = await fetch(url, init);
        writeFileSync(file, `${apiKey}\n`);
        return response;
      },
    });

    expect(await client.getUnviewedCount(USER)).toEqual({ count: 12 });
    expect(await failureOf(clientOf({ token: 'another-token-0000' }).getUnviewedCount(USER))).toMatchObject({
      status: 401,
    });
  });

  it('follows lists over their pages, and feeds beyond their end', async () => {
    const user = randomUUID();
    const issue = () => world.gateway.post('/callbacks/kiip', redemption({ user_id: user }));
    await issue();
    await issue();
    await issue();
    const client = clientOf();
    const found: string[] = [];
    const list = client.items('listIssuances', { user_id: user, limit: 2 });
    for await (const { id } of list) found.push(id);
    expect(new Set(found).size).toBe(3);

    const controller = new AbortController();
    const { signal } = controller;
    const feed = client.items('listIssuances', { user_id: user }, { pollMs: 10, signal });
    const failure = await failureOf(
      (async () => {
        for await (const { id } of feed) {
          found.push(id);
          if (found.length === 6) await issue();
          if (found.length === 7) controller.abort();
        }
      })(),
    );
    expect(failure).toMatchObject({ name: 'AbortError' });
    expect(new Set(found).size).toBe(4);
    for await (const replay of client.items('listReplays', {})) expect(replay).toBeUndefined();
  });

  it('follows feeds over failures that pass, and ends at others', async () => {
    const issuance = { id: 'iss_1' };
    const feed = await startServer((_, response) => {
      if (feed.seen() === 1) response.end(JSON.stringify({ items: [issuance], next: 'a' }));
      if (feed.seen() === 3) response.end(JSON.stringify({ items: [issuance], next: 'b' }));
      if (feed.seen() === 4) response.writeHead(410).end();
    });
    const client = clientOf({ url: feed.url, deadlineMs: 200 });
    const found: unknown[] = [];
    const failure = await failureOf(
      (async () => {
        for await (const item of client.items('listIssuances', {}, { pollMs: 1 })) found.push(item);
      })(),
    );

    expect(found).toEqual([issuance, issuance]);
    expect(failure).toMatchObject({ status: 410 });
    expect(feed.seen()).toBe(4);
  });

  it('has methods that tests can replace', async () => {
    const client = clientOf();
    client.getUnviewedCount = () => Promise.resolve({ count: 7 });

    expect(await client.getUnviewedCount(USER)).toEqual({ count: 7 });
  });

  it('is provided to NestJS applications', async () => {
    const module = RewardsGatewayModule.forRootAsync({
      useFactory: () => ({ url: world.gateway.url, token: apiKey }),
    });
    const app = await NestFactory.createApplicationContext(module, { logger: false });

    expect(await app.get(RewardsGatewayClient).getUnviewedCount(USER)).toEqual({ count: 12 });
    await app.close();
  });
});
