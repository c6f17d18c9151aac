import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { mock } from 'node:test';
import { Body, Controller, HttpCode, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import express from 'express';
import type { Express } from 'express';
import fastify from 'fastify';
import type {
  ConsumerOptions,
  CurrencyIssued,
  GatewayEvent,
  RewardsConsumer,
} from '../../clients/consumer/src/index.js';
import { CONSUMER_SECRET, signPayload } from '../support/consumer.js';
import { installConsumer } from '../support/packed-consumer.js';
import type { PackedConsumer } from '../support/packed-consumer.js';

const OTHER_SECRET = `whsec_${Buffer.alloc(32, 'other').toString('base64')}`;

let packed: PackedConsumer;
let core: typeof import('../../clients/consumer/src/index.js');
let testing: typeof import('../../clients/consumer/src/testing.js');
let adapters: typeof import('../../clients/consumer/src/express.js') &
  typeof import('../../clients/consumer/src/fastify.js') &
  typeof import('../../clients/consumer/src/nestjs.js');

beforeAll(async () => {
  packed = await installConsumer();
  const load = (name: string) => import(join(packed.installed, 'dist', `${name}.js`)) as Promise<object>;
  core = (await load('index')) as typeof core;
  testing = (await load('testing')) as typeof testing;
  const [one, two, three] = await Promise.all(['express', 'fastify', 'nestjs'].map(load));
  adapters = { ...one, ...two, ...three } as typeof adapters;
}, 240_000);
afterAll(() => packed.remove());
afterEach(() => mock.restoreAll());

let handled: CurrencyIssued[];
let ignored: [GatewayEvent, string][];
let errors: [string, number][];

const optionsOf = (options: Partial<ConsumerOptions<undefined>>): ConsumerOptions<undefined> => {
  [handled, ignored, errors] = [[], [], []];
  return {
    secrets: [CONSUMER_SECRET],
    inbox: testing.memoryInbox(),
    handle: (event) => void handled.push(event),
    onIgnored: (event, reason) => ignored.push([event, reason]),
    onError: (error, status) => errors.push([(error as Error).message, status]),
    ...options,
  };
};
const consumerOf = (options: Partial<ConsumerOptions<undefined>> = {}) =>
  new core.RewardsConsumer<undefined>(optionsOf(options));

const send = (consumer: RewardsConsumer<undefined>, event = testing.simulate(CONSUMER_SECRET)) =>
  consumer.fetch(new Request('http://wallet/events', event));
const answerOf = async (response: Response) => [
  response.status,
  ((await response.json()) as { outcome: string }).outcome,
];

describe('the answers of a consumer', () => {
  it('are 200 for an event and its repeats, which are handled once at a time', async () => {
    const consumer = consumerOf();
    const event = testing.simulate(CONSUMER_SECRET, { quantity: 7 });

    const answers = await Promise.all([1, 2, 3].map(async () => answerOf(await send(consumer, event))));

    expect(answers.map(String).toSorted()).toEqual(['200,duplicate', '200,duplicate', '200,handled']);
    expect(handled.map(({ data }) => data.quantity)).toEqual([7]);
  });

  it('are 401 without a signature of its secrets, which may change', async () => {
    let secrets = [OTHER_SECRET];
    const consumer = consumerOf({ secrets: async () => secrets });
    const event = testing.simulate(CONSUMER_SECRET);

    expect(await answerOf(await send(consumer, event))).toEqual([401, 'refused']);
    secrets = [OTHER_SECRET, CONSUMER_SECRET];
    expect(await answerOf(await send(consumer, { ...event, body: event.body.replace('20', '90') }))).toEqual([
      401,
      'refused',
    ]);
    const late = testing.simulate(CONSUMER_SECRET, {}, { signedAt: new Date(Date.now() - 301_000) });
    expect(await answerOf(await send(consumer, late))).toEqual([401, 'refused']);
    expect((await consumer.fetch(new Request('http://wallet/events'))).status).toBe(401);
    expect(handled).toEqual([]);
    expect(await answerOf(await send(consumer, event))).toEqual([200, 'handled']);
    expect(errors.map(([message, status]) => [message.slice(0, 24), status])).toEqual([
      ['The signature of the eve', 401],
      ['The signature of the eve', 401],
      ['The event was not signed', 401],
      ['The header webhook-id is', 401],
    ]);
  });

  it('say when the event is to come again, and nothing of the reason', async () => {
    const failures = [
      new core.RetryLater(0.5),
      new core.ConsumerUnavailable(60),
      new core.ConsumerGone(),
      new Error('the password is 1234'),
    ];
    const consumer = consumerOf({
      handle: () => {
        const failure = failures.shift();
        if (failure) throw failure;
      },
    });
    const event = testing.simulate(CONSUMER_SECRET);

    const later = await send(consumer, event);
    expect([later.headers.get('retry-after'), ...(await answerOf(later))]).toEqual(['1', 425, 'retry-later']);
    const unavailable = await send(consumer, event);
    expect([unavailable.headers.get('retry-after'), ...(await answerOf(unavailable))]).toEqual([
      '60',
      503,
      'unavailable',
    ]);
    expect(await answerOf(await send(consumer, event))).toEqual([410, 'gone']);
    expect(await answerOf(await send(consumer, event))).toEqual([500, 'failed']);
    expect(errors.map(([, status]) => status)).toEqual([425, 503, 410, 500]);
    expect(errors[3]![0]).toBe('the password is 1234');
    expect(await answerOf(await send(consumer, event))).toEqual([200, 'handled']);
  });

  it('are 500 for a query that was built and not run, and when onError fails too', async () => {
    const { mock: logged } = mock.method(console, 'error', () => undefined);
    const consumer = consumerOf({
      handle: async () => ({ execute: () => undefined }),
      onError: () => {
        throw new Error('no log today');
      },
    });

    expect(await answerOf(await send(consumer))).toEqual([500, 'failed']);
    expect(logged.calls.map(({ arguments: args }) => args)).toEqual([
      ['onError failed:', new Error('no log today')],
    ]);
  });

  it('are 400 for an entry under the id of another one', async () => {
    const { body, headers } = testing.simulate(CONSUMER_SECRET);
    const signature = signPayload('iss_other', headers['webhook-timestamp']!, body);
    const event = {
      method: 'POST' as const,
      headers: { ...headers, 'webhook-id': 'iss_other', 'webhook-signature': signature },
      body,
    };

    expect(await answerOf(await send(consumerOf(), event))).toEqual([400, 'refused']);
    expect(handled).toEqual([]);
  });

  it('do not wait for what cannot be an event, nor for ever', async () => {
    const { mock: timer } = mock.method(globalThis, 'setTimeout', (run: () => void) => setImmediate(run));
    const body = mock.fn(async function* () {
      yield await new Promise<Uint8Array>(() => undefined);
    });
    const consumer = consumerOf();
    const { headers } = testing.simulate(CONSUMER_SECRET);

    expect(await consumer.receive({ ...headers, 'webhook-timestamp': '1' }, body)).toMatchObject({
      status: 401,
    });
    expect(body.mock.callCount()).toBe(0);
    expect(await consumer.receive(headers, body)).toMatchObject({ status: 408 });
    expect(timer.calls[0]!.arguments).toEqual([expect.any(Function), 10_000]);
  });

  it('tell the console of what nobody would see otherwise', async () => {
    const { mock: logged } = mock.method(console, 'error', () => undefined);
    const inbox = testing.memoryInbox();
    const { onIgnored: _, onError: __, ...options } = optionsOf({ inbox });
    const consumer = new core.RewardsConsumer<undefined>(options);
    const first = testing.simulate(CONSUMER_SECRET, {
      id: 'iss_1',
      transaction_id: 't',
      received_at: '2020-01-31T12:00:00Z',
    });
    await send(consumer, first);
    await send(
      consumer,
      testing.simulate(CONSUMER_SECRET, { id: 'iss_2', transaction_id: 't', quantity: 90 }),
    );
    await send(consumer);
    await inbox.purge();
    await send(consumer, first);
    for (const _attempt of ['first', 'within a minute']) await send(consumer, testing.simulate(OTHER_SECRET));

    expect(logged.calls.map(({ arguments: args }) => args.join(' '))).toEqual([
      expect.stringMatching(/iss_2 .*: conflict/),
      expect.stringMatching(/iss_1 .*: expired/),
      expect.stringMatching(/401.* No matching signature/),
    ]);
  });

  it('are 200 for what is not to be handled', async () => {
    const consumer = consumerOf();
    for (const [data, type] of [
      [{}, 'gateway.test'],
      [{}, 'kiip.other'],
      [{ test: true }, 'kiip.currency.issued'],
    ] as const)
      expect(await answerOf(await send(consumer, testing.simulate(CONSUMER_SECRET, data, { type })))).toEqual(
        [200, 'ignored'],
      );

    expect(ignored.map(([{ type }, reason]) => [type, reason])).toEqual([
      ['gateway.test', 'test'],
      ['kiip.other', 'unknown-type'],
      ['kiip.currency.issued', 'test'],
    ]);
    expect(handled).toEqual([]);
    expect(
      await answerOf(
        await send(consumerOf({ testRewards: true }), testing.simulate(CONSUMER_SECRET, { test: true })),
      ),
    ).toEqual([200, 'handled']);
  });

  it('are 200 for an event from the time that was purged', async () => {
    const inbox = testing.memoryInbox();
    const consumer = consumerOf({ inbox });
    const event = testing.simulate(CONSUMER_SECRET, { received_at: '2020-01-31T12:00:00.000Z' });
    for (const each of [event, undefined]) await send(consumer, each);

    expect(await inbox.purge()).toBe(1);

    expect(await answerOf(await send(consumer, event))).toEqual([200, 'expired']);
    expect(handled).toHaveLength(2);
    expect(ignored).toEqual([[JSON.parse(event.body), 'expired']]);
  });

  it('are one 200 handled for events at once that name one entry and two rewards', async () => {
    const consumer = consumerOf();
    const events = ['one', 'two'].map((transaction_id) =>
      testing.simulate(CONSUMER_SECRET, { id: 'iss_1', transaction_id }),
    );

    await Promise.all(events.map((event) => send(consumer, event)));

    expect(handled).toHaveLength(1);
  });

  it('need secrets that can be right', () => {
    const right = CONSUMER_SECRET;
    for (const secrets of [[], ['whsec_'], ['whsec_not Base64!'], [`${right}\n`], [right.slice(6)]])
      expect(() => consumerOf({ secrets })).toThrow(RangeError);
  });
});

interface Served {
  readonly url: string;
  close(): Promise<unknown>;
}

async function serveExpress(app: Express): Promise<Served> {
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: async () => server.close().closeAllConnections() };
}

async function serveNest(consumer: RewardsConsumer<undefined>, rawBody: boolean): Promise<Served> {
  @Controller('json')
  class JsonController {
    @Post()
    @HttpCode(200)
    echo(@Body() body: object): object {
      return body;
    }
  }
  @Module({
    controllers: [JsonController],
    imports: [adapters.RewardsConsumerModule.forRootAsync({ useFactory: () => consumer })],
  })
  class AppModule {}
  const app = await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), {
    rawBody,
    logger: false,
  });
  await app.listen(0, '127.0.0.1');
  return { url: await app.getUrl(), close: () => app.close() };
}

const SERVERS: Record<string, (consumer: RewardsConsumer<undefined>) => Promise<Served>> = {
  async Fastify(consumer) {
    const app = fastify();
    app.register(adapters.fastifyConsumer(consumer), { prefix: '/events' });
    app.post('/json', async ({ body }) => body);
    await app.listen({ port: 0, host: '127.0.0.1' });
    return {
      url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`,
      close: () => app.close(),
    };
  },
  Express: (consumer) => {
    const app = express();
    app.post('/events', adapters.expressHandler(consumer));
    return serveExpress(
      app.use(express.json()).post('/json', (request, response) => void response.json(request.body)),
    );
  },
  'Express behind a raw parser': (consumer) => {
    const app = express();
    app.use('/events', express.raw({ type: '*/*', limit: '2mb' })).use(express.json());
    return serveExpress(
      app
        .post('/events', adapters.expressHandler(consumer))
        .post('/json', (request, response) => void response.json(request.body)),
    );
  },
  'NestJS on Fastify': (consumer) => serveNest(consumer, true),
};

describe.each(Object.keys(SERVERS))('%s', (name) => {
  it('gets the bytes of an event, and answers', async () => {
    const consumer = consumerOf({
      handle: (event) => {
        handled.push(event);
        if (event.data.user_id === 'later') throw new core.RetryLater(60);
      },
    });
    const server = await SERVERS[name]!(consumer);
    const { url } = server;
    const post = (body: RequestInit) => fetch(`${url}/events`, { ...body, method: 'POST' });
    try {
      // JSON that a parser would not write again in the same way.
      const event = testing.simulate(CONSUMER_SECRET, { user_id: 'a/\u{1f600}' });
      expect(await answerOf(await post(event))).toEqual([200, 'handled']);
      expect(handled[0]!.data.user_id).toBe('a/\u{1f600}');
      expect(await answerOf(await post(event))).toEqual([200, 'duplicate']);
      expect(await answerOf(await post(testing.simulate(OTHER_SECRET)))).toEqual([401, 'refused']);
      expect((await post({})).status).toBe(401);
      const later = await post(testing.simulate(CONSUMER_SECRET, { user_id: 'later' }));
      expect([later.status, later.headers.get('retry-after')]).toEqual([425, '60']);
      const large = testing.simulate(CONSUMER_SECRET, { user_id: 'x'.repeat(300_000) });
      expect((await post(large)).status).toBe(413);
      const stream = new Blob([large.body]).stream();
      expect((await post({ ...large, body: stream, duplex: 'half' })).status).toBe(413);
      expect(errors.filter(([, status]) => status === 500)).toEqual([]);
      const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"a":1}' };
      expect(await (await fetch(`${url}/json`, json)).json()).toEqual({ a: 1 });
    } finally {
      await server.close();
    }
  });
});

it('fetch says that a body was read before', async () => {
  const consumer = consumerOf();
  const request = new Request('http://wallet/events', testing.simulate(CONSUMER_SECRET));
  await request.text();

  expect(await answerOf(await consumer.fetch(request))).toEqual([500, 'failed']);
  expect(errors).toEqual([[expect.stringContaining('was read before'), 500]]);
});

it.each<[string, (consumer: RewardsConsumer<undefined>) => Promise<Served>, string]>([
  [
    'Express after express.json()',
    (consumer) =>
      serveExpress(express().use(express.json()).post('/events', adapters.expressHandler(consumer))),
    'register expressHandler before express.json()',
  ],
  ['NestJS without rawBody', (consumer) => serveNest(consumer, false), 'rawBody: true'],
])('%s says what is wrong, and loses no event', async (_, serve, sentence) => {
  const server = await serve(consumerOf());
  try {
    const response = await fetch(`${server.url}/events`, testing.simulate(CONSUMER_SECRET));
    expect(await answerOf(response)).toEqual([500, 'failed']);
    expect(errors).toEqual([[expect.stringContaining(sentence), 500]]);
  } finally {
    await server.close();
  }
});
