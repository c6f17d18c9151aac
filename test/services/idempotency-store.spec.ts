import { sql } from 'kysely';
import { IdempotencyStore } from '../../src/idempotency/idempotency-store.js';
import type { KeyedRequest } from '../../src/idempotency/idempotency-store.js';
import { engines } from '../support/database-engines.js';
import type { Engine } from '../support/database-engines.js';
import { until } from '../support/wait-for.js';

const request: KeyedRequest = { caller: 'app', route: '/api/v1/kiip/moments', key: 'k-1', bodyHash: 'd-1' };
const answer = { status: 200, body: '{"rewarded":true,"text":"\\u0000"}' };

describe.each(engines)('idempotency keys on %s', (_name, open) => {
  let engine: Engine;
  let keys: IdempotencyStore;
  beforeAll(async () => {
    engine = await open();
    keys = new IdempotencyStore(engine.database, { leaseSeconds: 60 });
  }, 60_000);
  beforeEach(() => engine.empty());
  afterAll(() => engine.close());

  const started = async (given: Partial<KeyedRequest> = {}) => {
    const begun = await keys.acquire({ ...request, ...given });
    if (begun.state !== 'started') throw new Error(`the key is ${begun.state}`);
    return begun.claim;
  };
  /** Moves what is remembered into the past, as the database sees it. */
  const letPass = (seconds: number) =>
    engine.database.run((db) =>
      sql`update idempotency_keys set lease_expires_at = lease_expires_at - make_interval(secs => ${seconds}::float8),
            expires_at = expires_at - make_interval(secs => ${seconds}::float8)`.execute(db),
    );

  test('a repeat gets the first answer', async () => {
    expect(await keys.complete(await started(), answer)).toBe(true);
    expect(await keys.acquire(request)).toEqual({ state: 'replay', ...answer });
  });

  test('a repeat while the first is under way is told so', async () => {
    await started();
    expect(await keys.acquire(request)).toEqual({ state: 'in-progress' });
  });

  test.each(['in-flight', 'done', 'unknown'])(
    'another body is refused while the first is %s',
    async (state) => {
      const claim = await started();
      if (state === 'done') await keys.complete(claim, answer);
      if (state === 'unknown') await keys.markUnknown(claim);
      expect(await keys.acquire({ ...request, bodyHash: 'd-2' })).toEqual({ state: 'key-reused' });
    },
  );

  test.each([
    { caller: 'app/', route: 'api/v1/kiip/moments' },
    { caller: 'other' },
    { route: '/api/v1/kiip/sessions' },
    { key: 'K-1' },
    { caller: 'x'.repeat(20_000) },
  ])('a key belongs to a caller and a route: %j is another', async (other) => {
    await started();
    expect(await keys.acquire({ ...request, ...other })).toMatchObject({ state: 'started' });
  });

  test('fifty at once over three processes: one starts', async () => {
    const processes = [
      keys,
      new IdempotencyStore(await engine.another(), { leaseSeconds: 60 }),
      new IdempotencyStore(await engine.another(), { leaseSeconds: 60 }),
    ];
    const states = await Promise.all(
      Array.from({ length: 17 }, () =>
        processes.map(async (each) => (await each.acquire(request)).state),
      ).flat(),
    );
    expect(states.filter((state) => state === 'started')).toHaveLength(1);
    expect(states.filter((state) => state === 'in-progress')).toHaveLength(50);
  });

  test('a first try that never reached the vendor is forgotten', async () => {
    expect(await keys.release(await started())).toBe(true);
    expect(await keys.acquire({ ...request, bodyHash: 'd-2' })).toMatchObject({ state: 'started' });
  });

  test('an unknown outcome stays unknown', async () => {
    const claim = await started();
    expect(await keys.markUnknown(claim)).toBe(true);
    expect(await keys.acquire(request)).toEqual({ state: 'outcome-unknown' });
    expect(await keys.complete(claim, answer)).toBe(false);
    expect(await keys.release(claim)).toBe(false);
    expect(await keys.acquire(request)).toEqual({ state: 'outcome-unknown' });
  });

  test('a claim whose holder died has an unknown outcome, even if the holder comes back', async () => {
    const claim = await started();
    await letPass(59);
    expect(await keys.acquire(request)).toEqual({ state: 'in-progress' });
    await letPass(2);
    expect(await keys.acquire(request)).toEqual({ state: 'outcome-unknown' });
    expect(await keys.complete(claim, answer)).toBe(false);
    expect(await keys.acquire(request)).toEqual({ state: 'outcome-unknown' });
  });

  test('a slow holder may still finish as long as nobody has asked', async () => {
    const claim = await started();
    await letPass(61);
    expect(await keys.complete(claim, answer)).toBe(true);
    expect(await keys.acquire(request)).toEqual({ state: 'replay', ...answer });
  });

  test.each(['in-flight', 'done', 'unknown'])(
    'after 24 hours a key is free again, however it ended: %s',
    async (state) => {
      const claim = await started();
      if (state === 'done') await keys.complete(claim, answer);
      if (state === 'unknown') await keys.markUnknown(claim);
      await letPass(24 * 60 * 60 - 60);
      expect((await keys.acquire(request)).state).not.toBe('started');
      await letPass(61);
      const next = await started({ bodyHash: 'd-2' });
      expect(await keys.complete(claim, answer)).toBe(false);
      expect(await keys.complete(next, answer)).toBe(true);
    },
  );

  test('expired keys are swept out in time', async () => {
    await engine.database.run((db) =>
      sql`insert into idempotency_keys (key_hash, claim, state, body_hash, lease_expires_at, expires_at)
          select 'old-' || n, gen_random_uuid(), 'unknown', '', now(), now() from generate_series(1, 500) n`.execute(
        db,
      ),
    );
    const sweeping = new IdempotencyStore(engine.database, { leaseSeconds: 60 });
    await Promise.all(
      Array.from({ length: 1_000 }, (_, n) => sweeping.acquire({ ...request, key: `new-${n}` })),
    );
    const expired = async () => {
      const query = sql`select 1 from idempotency_keys where expires_at <= now()`;
      return (await engine.database.run((db) => query.execute(db))).rows;
    };
    await until('what has expired is gone', async () => (await expired()).length === 0);
    expect(await expired()).toEqual([]);
  }, 20_000);
});
