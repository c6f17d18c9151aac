import { sql } from 'kysely';
import { Database } from '../../src/database/database.js';
import { RejectedCallbacksService } from '../../src/kiip-callbacks/rejected-callbacks.service.js';
import type { RejectedCallback } from '../../src/kiip-callbacks/rejected-callbacks.service.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { redemption, startKiipGateway } from '../support/kiip.js';
import type { KiipGateway } from '../support/kiip.js';
import { waitFor } from '../support/wait-for.js';

const limits = { maxCount: 250, maxAgeSeconds: 3_600 };

const callback = (
  text: string | Uint8Array,
  receivedAt = new Date(),
  source = '192.0.2.1',
  known = false,
) => ({
  body: Buffer.from(text),
  media: 'json' as const,
  receivedAt,
  source,
  isProtected: () => known,
});

const isFailure = ({ msg }: Record<string, unknown>) => msg === 'failed to delete old rejected callbacks';

describe('RejectedCallbacksService', () => {
  let server: TestDatabase;
  let database: Database;
  let rejected: RejectedCallbacksService;
  beforeAll(async () => {
    server = await newDatabase();
    database = await server.open();
    rejected = new RejectedCallbacksService(database, limits);
  }, 60_000);
  beforeEach(() => server.empty());
  afterAll(() => server.drop());

  const kept = async () => {
    const all: RejectedCallback[] = [];
    for await (const one of rejected.all()) all.push(one);
    return all;
  };
  const texts = async () => (await kept()).map(({ body }) => Buffer.from(body).toString());
  /** Callbacks beyond the limits are deleted within a second or two. */
  const pruned = (count: number) =>
    waitFor(`${count} callbacks are left`, async () => (await kept()).length === count);

  test('keeps the exact bytes of a callback until it is removed', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const receivedAt = new Date(Date.now() - 1_000);
    await rejected.save(callback(bytes, receivedAt));
    const [only, ...others] = await kept();
    expect(others).toEqual([]);
    expect(only).toMatchObject({ media: 'json', receivedAt });
    expect(Buffer.from(only?.body ?? '').equals(bytes)).toBe(true);
    await rejected.remove(only?.id ?? '');
    expect(await kept()).toEqual([]);
  });

  test('stores the same body once when it is saved many times', async () => {
    await Promise.all(Array.from({ length: 30 }, () => rejected.save(callback('same'))));
    expect(await texts()).toEqual(['same']);
  });

  test('deletes the oldest callbacks above the maximum count', async () => {
    for (let number = 0; number < 260; number += 1) await rejected.save(callback(`n-${number}`));
    await pruned(250);
    expect(await texts()).toEqual(Array.from({ length: 250 }, (_, number) => `n-${number + 10}`));
  });

  test('deletes the oldest callbacks of the source that has most, and keeps those of others', async () => {
    for (let number = 0; number < 20; number += 1)
      await rejected.save(callback(`kiip-${number}`, new Date(), '192.0.2.7'));
    for (let number = 0; number < 400; number += 1)
      await rejected.save(callback(`n-${number}`, new Date(), '192.0.2.8'));
    await pruned(250);
    expect((await texts()).filter((text) => text.startsWith('kiip'))).toHaveLength(20);
    expect((await texts()).at(-1)).toBe('n-399');
  });

  test('keeps callbacks of known users, from however many sources the others come', async () => {
    for (let number = 0; number < 20; number += 1)
      await rejected.save(callback(`kiip-${number}`, new Date(), '192.0.2.7', true));
    await Promise.all(
      Array.from({ length: 500 }, (_, number) =>
        rejected
          .save(callback(`n-${number}`, new Date(), `2001:db8:0:${number % 100}::/64`))
          .catch(() => undefined),
      ),
    );
    await rejected.save(callback('last'));
    await waitFor('at most 270 callbacks are left', async () => (await kept()).length <= 270);
    expect((await texts()).filter((text) => text.startsWith('kiip'))).toHaveLength(20);
  });

  test('enforces the maximum count across concurrent processes', async () => {
    const elsewhere = new RejectedCallbacksService(await server.open(), limits);
    await Promise.all(
      Array.from({ length: 400 }, (_, number) =>
        (number % 2 ? rejected : elsewhere).save(callback(`n-${number}`)),
      ),
    );
    await rejected.save(callback('last'));
    await pruned(250);
    expect((await texts()).at(-1)).toBe('last');
  }, 20_000);

  test('deletes callbacks above the maximum age', async () => {
    await rejected.save(callback('old', new Date(Date.now() - 3_601_000)));
    await rejected.save(callback('new', new Date(Date.now() - 3_500_000)));
    await pruned(1);
    expect(await texts()).toEqual(['new']);
  });

  test('allows removal of callbacks while iterating over them', async () => {
    for (let number = 0; number < 220; number += 1) await rejected.save(callback(`n-${number}`));
    let seen = 0;
    for await (const { id } of rejected.all()) {
      seen += 1;
      await rejected.remove(id);
    }
    expect(seen).toBe(220);
    expect(await kept()).toEqual([]);
  });
});

describe.each([
  [30, {}],
  [60, { RETENTION_REJECTED_CALLBACKS_DAYS: '60' }],
])('rejected callbacks of a gateway that keeps them for %d days', (days, env) => {
  let gateway: KiipGateway;
  beforeAll(async () => {
    gateway = await startKiipGateway(env);
  });
  beforeEach(() => query('delete from rejected_callbacks'));
  afterAll(() => gateway.close());

  const query = async (text: string) => {
    const database = gateway.app.get(Database, { strict: false });
    return (await database.run((db) => sql.raw<Record<string, unknown>>(text).execute(db))).rows;
  };
  /** Inserts rejected callbacks, the oldest first. `receivedAt` is SQL in which `n` is the number of the callback. */
  const fill = (count: number, receivedAt: string) =>
    query(`insert into rejected_callbacks (body_hash, body, content_type, received_at)
      select 'key-' || n, convert_to('body-' || n, 'UTF8'), 'application/json', ${receivedAt}
      from generate_series(1, ${count}) n order by n`);
  const pruned = (count: number) =>
    waitFor(`${count} callbacks are left`, async () => {
      const [row] = await query('select count(*)::int as count from rejected_callbacks');
      return row!['count'] === count;
    });
  const sendRejected = async () => {
    expect((await gateway.callback(redemption({}, 'not-kiips-secret'))).status).toBe(401);
  };

  test('are kept up to the newest ten thousand', async () => {
    await fill(10_050, 'now()');
    await sendRejected();
    await pruned(10_000);
    expect(
      await query(`select count(*)::int as count, min(body_hash collate "C") filter (where body_hash like 'key-%') as one,
        count(*) filter (where body_hash = any(select 'key-' || n from generate_series(1, 51) n))::int as oldest
        from rejected_callbacks`),
    ).toEqual([{ count: 10_000, one: 'key-100', oldest: 0 }]);
  });

  test('are kept for that long', async () => {
    await fill(6, `now() - interval '${days} days' + (n - 3.5) * interval '1 hour'`);
    await sendRejected();
    await pruned(4);
    const left = await query(
      `select body_hash from rejected_callbacks where body_hash like 'key-%' order by id`,
    );
    expect(left.map(({ body_hash }) => body_hash)).toEqual(['key-4', 'key-5', 'key-6']);
  });

  test('that cannot be deleted are logged, without the id of the request that they came with', async () => {
    await fill(1, `now() - interval '${days + 1} days'`);
    await query('create rule keep as on delete to rejected_callbacks do instead select 1 / 0');
    await sendRejected();
    await waitFor('the failure is logged', () => gateway.log.some(isFailure));
    expect(gateway.log.find(isFailure)).not.toHaveProperty('requestId');
    await query('drop rule keep on rejected_callbacks');
  });
});
