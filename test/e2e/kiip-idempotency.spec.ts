import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { Database } from '../../src/database/database.js';
import type { FaultRule } from '@rewards-gateway/sandbox';
import { startKiipSandbox } from '@rewards-gateway/sandbox';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { waitFor } from '../support/wait-for.js';
import { apiKey } from '../support/gateway.js';
import { momentCall, momentOf, problemOf, sessionCall, startKiipWorld } from '../support/kiip-world.js';
import type { KiipWorld } from '../support/kiip-world.js';
import { rawCall } from '../support/raw-call.js';

const momentsPath = '/api/v1/kiip/moments';
const secondTesterKey = 'test-api-key-0002';
const anotherCallerKey = 'test-api-key-0003';

const readResponse = async (response: Response) => [response.status, await response.text()] as const;

describe('POST /api/v1/kiip/{moments,sessions} with an Idempotency-Key', () => {
  let database: TestDatabase;
  let world: KiipWorld;
  let key = '';

  beforeAll(async () => {
    database = await newDatabase();
    world = await startKiipWorld({
      ...database.env,
      API_KEYS: `tester:${apiKey},tester:${secondTesterKey},another:${anotherCallerKey}`,
      KIIP_TIMEOUT_MS: '2000',
    });
  }, 30_000);

  afterAll(async () => {
    await world.close();
    await database.drop();
  });

  beforeEach(() => {
    world.kiip.reset();
    key = randomUUID();
  });

  // Successful calls keep the circuit breakers closed.
  afterEach(async () => {
    world.kiip.reset();
    for (let call = 0; call < 3; call += 1) await Promise.all([world.moment(), world.session()]);
  });

  const seen = () => world.kiip.requests().length;
  const as = (credential: string, body: unknown = momentCall) =>
    world.gateway.post(momentsPath, body, {
      authorization: `Bearer ${credential}`,
      'idempotency-key': key,
    });

  it.each(['moment', 'session'] as const)(
    'answers a repeated %s with the bytes of the first response',
    async (kind) => {
      const first = await readResponse(await world[kind](undefined, key));
      expect(first[0]).toBe(200);
      for (let repeat = 0; repeat < 3; repeat += 1) {
        expect(await readResponse(await world[kind](undefined, key))).toEqual(first);
      }
      expect(seen()).toBe(1);
    },
  );

  it('answers a repeated moment without a reward with the first response', async () => {
    world.kiip.configure({ momentRule: 'never', noReward: 'no-content' });
    const first = await readResponse(await world.moment(momentCall, key));
    world.kiip.configure({ momentRule: 'always' });
    expect(await readResponse(await world.moment(momentCall, key))).toEqual(first);
    expect(first).toEqual([200, '{"rewarded":false,"date":null,"reward":null}']);
    expect(seen()).toBe(1);
  });

  it('sends every call without a key', async () => {
    await Promise.all([world.moment(), world.moment()]);
    expect(seen()).toBe(2);
  });

  it('sends one of twenty simultaneous calls with the same key', async () => {
    world.kiip.addFault({ kind: 'slow', delayMs: 100 });
    const responses = await Promise.all(
      Array.from({ length: 20 }, async () => readResponse(await world.moment(momentCall, key))),
    );
    const [first] = responses.filter(([status]) => status === 200);
    for (const [status, text] of responses.filter(([, text]) => text !== first![1])) {
      expect([status, text]).toEqual([409, expect.stringContaining('urn:rewards-gateway:problem:conflict')]);
    }
    expect(await readResponse(await world.moment(momentCall, key))).toEqual(first);
    expect(seen()).toBe(1);
  });

  it('answers 409 while the first call is in flight', async () => {
    world.kiip.addFault({ kind: 'slow', delayMs: 1_000 });
    const first = world.moment(momentCall, key);
    await waitFor('Kiip has the first call', () => seen() === 1);
    const repeat = await world.moment(momentCall, key);
    expect(repeat.status).toBe(409);
    expect(await repeat.json()).toMatchObject({
      type: 'urn:rewards-gateway:problem:conflict',
      retryable: true,
    });
    expect((await first).status).toBe(200);
    expect(seen()).toBe(1);
  });

  it('rejects another body with the same key, without calling Kiip', async () => {
    await world.moment(momentCall, key);
    const other = { ...momentCall, moment: { id: 'another' } };
    expect(await problemOf(await world.moment(other, key))).toEqual([422, 'idempotency-key-reused']);
    expect(await problemOf(await world.moment({ ...momentCall, close_button: true }, key))).toEqual([
      422,
      'idempotency-key-reused',
    ]);
    expect((await world.moment(momentCall, key)).status).toBe(200);
    expect(seen()).toBe(1);
  });

  it('treats the same fields in another order as the same body', async () => {
    const { device } = momentCall;
    const reversed = Object.fromEntries(Object.entries(device).toReversed());
    const first = await readResponse(await world.moment(momentCall, key));
    const { moment, app, connection } = momentCall;
    expect(
      await readResponse(await world.moment({ moment, device: reversed, connection, app }, key)),
    ).toEqual(first);
    expect(seen()).toBe(1);
  });

  it('shares a key between the API keys of one caller, and not between callers', async () => {
    const first = await readResponse(await as(apiKey));
    expect(await readResponse(await as(secondTesterKey))).toEqual(first);
    expect(seen()).toBe(1);
    expect((await as(anotherCallerKey, momentOf('user-of-another'))).status).toBe(200);
    expect(seen()).toBe(2);
  });

  it('does not share a key between routes', async () => {
    expect((await world.moment(momentCall, key)).status).toBe(200);
    expect((await world.session(sessionCall, key)).status).toBe(200);
    expect(seen()).toBe(2);
  });

  it('does not store a request whose body is invalid', async () => {
    expect((await world.moment({ ...momentCall, x: 1 }, key)).status).toBe(400);
    expect((await world.moment(momentCall, key)).status).toBe(200);
  });

  it('accepts a key again after 24 hours', async () => {
    await world.moment(momentCall, key);
    await world.gateway.app
      .get(Database, { strict: false })
      .run((db) =>
        sql`update idempotency_keys set expires_at = expires_at - interval '24 hours'`.execute(db),
      );
    expect((await world.moment({ ...momentCall, moment: { id: 'another' } }, key)).status).toBe(200);
    expect(seen()).toBe(2);
  });

  it.each(['x', '"quoted"', '~'.repeat(255), '!#$%&()*+,-./:;<=>?@[]^_`{|}'])(
    'accepts the key %s',
    async (given) => {
      expect((await world.moment(momentCall, given)).status).toBe(200);
    },
  );

  it.each(['', ' ', 'a b', 'a\tb', 'é', 'x'.repeat(256)])('rejects the key "%s"', async (given) => {
    const response = await world.moment(momentCall, given);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      type: 'urn:rewards-gateway:problem:validation',
      errors: [{ pointer: '/Idempotency-Key' }],
    });
    expect(seen()).toBe(0);
  });

  it('rejects two Idempotency-Key headers', async () => {
    const response = await rawCall(world.gateway.url + momentsPath, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${apiKey}`,
        'content-type': 'application/json',
        'idempotency-key': ['a', 'b'] as unknown as string,
      },
      body: JSON.stringify(momentCall),
    });
    expect(response.status).toBe(400);
    expect(seen()).toBe(0);
  });

  it.each<[string, FaultRule, number]>([
    ['{"error"} at 200', { kind: 'json', body: { error: 'no' } }, 502],
    ['{"error"} at 400', { kind: 'status', status: 400, body: { error: 'no' } }, 502],
    ['status 401', { kind: 'status', status: 401 }, 502],
    ['status 404', { kind: 'status', status: 404 }, 502],
    ['status 429', { kind: 'rate-limited', retryAfter: 1 }, 503],
  ])(
    'answers a repeat of a call that Kiip rejected with %s with the first response',
    async (_, fault, status) => {
      world.kiip.addFault({ ...fault, times: 1 });
      const response = await world.moment(momentCall, key);
      expect(response.status).toBe(status);
      const first = (await response.json()) as object;
      expect(first).toMatchObject({ upstream: 'kiip', retryable: false });
      const repeat = await world.moment(momentCall, key);
      expect(repeat.headers.get('retry-after')).toBe(response.headers.get('retry-after'));
      expect(repeat.headers.get('content-type')).toBe(response.headers.get('content-type'));
      expect(repeat.status).toBe(status);
      // Each response has a request id of its own.
      expect(await repeat.json()).toEqual({ ...first, instance: repeat.headers.get('x-request-id') });
      expect(seen()).toBe(1);
    },
  );

  it.each<[string, FaultRule, number]>([
    ['status 500', { kind: 'status', status: 500 }, 502],
    ['status 500 with {"error"}', { kind: 'status', status: 500, body: { error: 'no' } }, 502],
    ['status 503', { kind: 'unavailable', retryAfter: 1 }, 503],
    ['status 408', { kind: 'status', status: 408 }, 502],
    ['a redirect', { kind: 'redirect', location: '/x', status: 303 }, 502],
    ['a reset', { kind: 'reset' }, 502],
    ['half a response', { kind: 'cut-off' }, 502],
    ['HTML', { kind: 'html' }, 502],
    ['silence', { kind: 'hang' }, 504],
  ])(
    'answers every repeat 409 outcome-unknown after %s, without calling Kiip again',
    async (_, fault, status) => {
      world.kiip.addFault({ ...fault, times: 1 });
      const first = await world.moment(momentCall, key);
      expect(first.status).toBe(status);
      expect(await first.json()).toMatchObject({ retryable: false });
      for (let repeat = 0; repeat < 2; repeat += 1) {
        expect(await problemOf(await world.moment(momentCall, key))).toEqual([409, 'outcome-unknown']);
      }
      const other = { ...momentCall, moment: { id: 'another' } };
      expect(await problemOf(await world.moment(other, key))).toEqual([422, 'idempotency-key-reused']);
      expect(seen()).toBe(1);
    },
  );

  it('accepts a key again after a call that never reached Kiip', async () => {
    const { port } = world.kiip;
    await world.kiip.close();
    expect(await problemOf(await world.moment(momentCall, key))).toEqual([502, 'upstream-failed']);
    const kiip = await startKiipSandbox({ port });
    Object.assign(world, { kiip });
    // Another body is accepted as well.
    expect((await world.moment({ ...momentCall, moment: { id: 'another' } }, key)).status).toBe(200);
    expect(seen()).toBe(1);
  });

  it('answers the caller when the response cannot be stored, and repeats 409 outcome-unknown', async () => {
    world.kiip.addFault({ kind: 'slow', delayMs: 100 });
    const call = world.moment(momentCall, key);
    await waitFor('Kiip has the first call', () => seen() === 1);
    const database = world.gateway.app.get(Database, { strict: false });
    // This has the effect of a database that fails between two statements.
    await database.run((db) => sql`alter table idempotency_keys rename to elsewhere`.execute(db));
    expect((await call).status).toBe(200);
    await database.run((db) => sql`alter table elsewhere rename to idempotency_keys`.execute(db));
    expect(await problemOf(await world.moment(momentCall, key))).toEqual([409, 'conflict']);
    await database.run((db) => sql`update idempotency_keys set lease_expires_at = now()`.execute(db));
    expect(await problemOf(await world.moment(momentCall, key))).toEqual([409, 'outcome-unknown']);
    expect(seen()).toBe(1);
    expect(world.gateway.log.map(({ msg }) => msg)).toContain('failed to store idempotency result');
  });
});

describe('a gateway without its database', () => {
  let world: KiipWorld;

  beforeAll(async () => {
    world = await startKiipWorld();
  });

  afterAll(() => world.close());
  beforeEach(() => world.kiip.reset());

  it.each<[string, unknown, string | undefined]>([
    ['with an Idempotency-Key', momentCall, 'key-1'],
    ['of a user', momentOf('user-1'), undefined],
  ])('answers a call %s 503, without calling Kiip', async (_, body, key) => {
    const response = await world.moment(body, key);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(await problemOf(response)).toEqual([503, 'storage-unavailable']);
    expect(world.kiip.requests()).toEqual([]);
  });

  it('sends a call without a user and a key', async () => {
    expect((await world.moment()).status).toBe(200);
    expect((await world.session()).status).toBe(200);
  });
});
