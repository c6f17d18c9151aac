import { sql } from 'kysely';
import { IdempotencyStore } from '../../src/idempotency/idempotency-store.js';
import type { KeyedRequest } from '../../src/idempotency/idempotency-store.js';
import { read } from '../support/config.js';
import type { Database } from '../../src/database/database.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { waitFor } from '../support/wait-for.js';

const request: KeyedRequest = { caller: 'app', route: '/api/v1/kiip/moments', key: 'k-1', bodyHash: 'd-1' };
/** A lease takes 60 s: the deadline, three database timeouts, and a margin of 1 s. */
const config = read({ UPSTREAM_DEADLINE_MS: '29000', DATABASE_TIMEOUT_MS: '10000' });
const response = { status: 200, body: '{"rewarded":true,"text":"\\u0000"}' };

describe('the idempotency store', () => {
  let server: TestDatabase;
  let database: Database;
  let keys: IdempotencyStore;
  beforeAll(async () => {
    server = await newDatabase();
    database = await server.open();
    keys = new IdempotencyStore(database, config);
  }, 60_000);
  beforeEach(() => server.empty());
  afterAll(() => server.drop());

  const started = async (given: Partial<KeyedRequest> = {}) => {
    const result = await keys.acquire({ ...request, ...given });
    if (result.state !== 'started') throw new Error(`the key is ${result.state}`);
    return result.lease;
  };
  /** Moves all times into the past, which has the same effect as waiting. */
  const letPass = (seconds: number) =>
    database.run((db) =>
      sql`update idempotency_keys set lease_expires_at = lease_expires_at - make_interval(secs => ${seconds}::float8),
            expires_at = expires_at - make_interval(secs => ${seconds}::float8)`.execute(db),
    );

  test('a repeat gets the first response', async () => {
    expect(await keys.complete(await started(), response)).toBe(true);
    expect(await keys.acquire(request)).toEqual({ state: 'replay', ...response });
  });

  test('a repeat while the first request is in flight gets in-flight', async () => {
    await started();
    expect(await keys.acquire(request)).toEqual({ state: 'in-flight' });
  });

  test.each(['in-flight', 'done', 'unknown'])(
    'another body with the same key gets key-reused while the first request is %s',
    async (state) => {
      const lease = await started();
      if (state === 'done') await keys.complete(lease, response);
      if (state === 'unknown') await keys.markUnknown(lease);
      expect(await keys.acquire({ ...request, bodyHash: 'd-2' })).toEqual({ state: 'key-reused' });
    },
  );

  test.each([
    { caller: 'app/', route: 'api/v1/kiip/moments' },
    { caller: 'other' },
    { route: '/api/v1/kiip/sessions' },
    { key: 'K-1' },
    { caller: 'x'.repeat(20_000) },
  ])('a key belongs to a caller and a route, so %j has a key of its own', async (other) => {
    await started();
    expect(await keys.acquire({ ...request, ...other })).toMatchObject({ state: 'started' });
  });

  test('one of fifty simultaneous requests to three processes starts', async () => {
    const processes = [
      keys,
      new IdempotencyStore(await server.open(), config),
      new IdempotencyStore(await server.open(), config),
    ];
    const states = await Promise.all(
      Array.from({ length: 17 }, () =>
        processes.map(async (each) => (await each.acquire(request)).state),
      ).flat(),
    );
    expect(states.filter((state) => state === 'started')).toHaveLength(1);
    expect(states.filter((state) => state === 'in-flight')).toHaveLength(50);
  });

  test('a released key is free again, also for another body', async () => {
    expect(await keys.release(await started())).toBe(true);
    expect(await keys.acquire({ ...request, bodyHash: 'd-2' })).toMatchObject({ state: 'started' });
  });

  test('an unknown outcome stays unknown', async () => {
    const lease = await started();
    expect(await keys.markUnknown(lease)).toBe(true);
    expect(await keys.acquire(request)).toEqual({ state: 'outcome-unknown' });
    expect(await keys.complete(lease, response)).toBe(false);
    expect(await keys.release(lease)).toBe(false);
    expect(await keys.acquire(request)).toEqual({ state: 'outcome-unknown' });
  });

  test('an expired lease becomes an unknown outcome, even if its holder continues', async () => {
    const lease = await started();
    await letPass(59);
    expect(await keys.acquire(request)).toEqual({ state: 'in-flight' });
    await letPass(2);
    expect(await keys.acquire(request)).toEqual({ state: 'outcome-unknown' });
    expect(await keys.complete(lease, response)).toBe(false);
    expect(await keys.acquire(request)).toEqual({ state: 'outcome-unknown' });
  });

  test('a holder may still complete an expired lease before the next request finds it', async () => {
    const lease = await started();
    await letPass(61);
    expect(await keys.complete(lease, response)).toBe(true);
    expect(await keys.acquire(request)).toEqual({ state: 'replay', ...response });
  });

  test.each(['in-flight', 'done', 'unknown'])(
    'a key whose request is %s is free again after 24 hours',
    async (state) => {
      const lease = await started();
      if (state === 'done') await keys.complete(lease, response);
      if (state === 'unknown') await keys.markUnknown(lease);
      await letPass(24 * 60 * 60 - 60);
      expect((await keys.acquire(request)).state).not.toBe('started');
      await letPass(61);
      const next = await started({ bodyHash: 'd-2' });
      expect(await keys.complete(lease, response)).toBe(false);
      expect(await keys.complete(next, response)).toBe(true);
    },
  );

  test('expired keys are deleted after 1,000 new ones', async () => {
    await database.run((db) =>
      sql`insert into idempotency_keys (key_hash, lease_token, state, body_hash, lease_expires_at, expires_at)
          select 'old-' || n, gen_random_uuid(), 'unknown', '', now(), now() from generate_series(1, 500) n`.execute(
        db,
      ),
    );
    const store = new IdempotencyStore(database, config);
    await Promise.all(
      Array.from({ length: 1_000 }, (_, n) => store.acquire({ ...request, key: `new-${n}` })),
    );
    const expired = async () => {
      const query = sql`select 1 from idempotency_keys where expires_at <= now()`;
      return (await database.run((db) => query.execute(db))).rows;
    };
    await waitFor('the expired keys are deleted', async () => (await expired()).length === 0);
    expect(await expired()).toEqual([]);
  }, 20_000);
});
