import { setImmediate as turn } from 'node:timers/promises';
import { array, assert, asyncProperty, boolean, integer, uniqueArray } from 'fast-check';
import { FEED_LOCK } from '../../src/database/advisory-locks.js';
import { Database } from '../../src/database/database.js';
import { LedgerService } from '../../src/ledger/ledger.service.js';
import type { FeedQuery } from '../../src/ledger/ledger-feed.js';
import { fieldsHash } from '../../src/ledger/ledger-entry.js';
import { issuance } from '../support/callback-facts.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { scale } from '../support/scale.js';
import { waitFor } from '../support/wait-for.js';

const decision = { caller: 'operations', requestId: 'request-1' };
const recorded = { status: 'recorded' } as const;
const quarantined = { status: 'quarantined', reason: { code: 'currency', field: 'content' } } as const;
const numbered = (number: number | string, userId = 'user-123') => issuance({ nonce: `n-${number}`, userId });

async function page(ledger: LedgerService, query: Partial<FeedQuery> = {}) {
  const answer = await ledger.list({ limit: 100, ...query });
  if (answer === 'restarted') throw new Error('the feed has restarted');
  const { items, next } = answer;
  return { ids: items.map(({ id }) => id), next };
}

/** As version 0.1 issued it. */
const withoutToken = (cursor: string) =>
  Buffer.from(
    Buffer.from(cursor, 'base64url')
      .toString()
      .replace(/:\w{8}$/, ''),
  ).toString('base64url');

/** Until it is released, entries are inserted without a position. */
async function lockPositions(server: TestDatabase) {
  const client = await server.client();
  await client.query('begin');
  await client.query(`select pg_advisory_xact_lock(${FEED_LOCK})`);
  return {
    async release() {
      await client.query('rollback');
      await client.end();
    },
  };
}

describe('the ledger feed', () => {
  let server: TestDatabase;
  let database: Database;
  let ledger: LedgerService;
  beforeAll(async () => {
    server = await newDatabase();
    database = await server.open();
    ledger = new LedgerService(database);
  }, 60_000);
  beforeEach(() => server.empty());
  afterAll(() => server.drop());

  test('returns a cursor with an empty page, after which the first entry follows', async () => {
    const empty = await page(ledger);
    expect(empty.ids).toEqual([]);
    const { id } = await ledger.record(numbered(1), recorded);
    expect((await page(ledger, { after: empty.next })).ids).toEqual([id]);
  });

  test('lists every entry once, oldest first, and keeps the cursor at the end', async () => {
    const ids: string[] = [];
    for (let number = 0; number < 7; number += 1)
      ids.push((await ledger.record(numbered(number), recorded)).id);
    const first = await page(ledger, { limit: 3 });
    const second = await page(ledger, { limit: 3, after: first.next });
    const third = await page(ledger, { limit: 3, after: second.next });
    const fourth = await page(ledger, { limit: 3, after: third.next });
    expect([first.ids, second.ids, third.ids, fourth.ids]).toEqual([
      ids.slice(0, 3),
      ids.slice(3, 6),
      ids.slice(6),
      [],
    ]);
    expect(fourth.next).toBe(third.next);
  });

  test('filters entries by user and by status', async () => {
    const mine = await ledger.record(numbered(1), recorded);
    const theirs = await ledger.record(numbered(2, 'user-456'), recorded);
    const held = await ledger.record(numbered(3), quarantined);
    expect((await page(ledger, { userId: 'user-123' })).ids).toEqual([mine.id, held.id]);
    expect((await page(ledger, { userId: 'user-456' })).ids).toEqual([theirs.id]);
    expect((await page(ledger, { userId: 'user-123', status: 'quarantined' })).ids).toEqual([held.id]);
    expect((await page(ledger, { status: 'recorded' })).ids).toEqual([mine.id, theirs.id]);
  });

  test('lists a released entry again at the end, so that readers of one status see it', async () => {
    const held = await ledger.record(numbered(1), quarantined);
    const other = await ledger.record(numbered(2), recorded);
    const ofReleased = await page(ledger, { status: 'released' });
    const ofAll = await page(ledger);
    expect(ofAll.ids).toEqual([held.id, other.id]);
    await ledger.release(held.id, decision);
    expect((await page(ledger, { status: 'released', after: ofReleased.next })).ids).toEqual([held.id]);
    expect((await page(ledger, { after: ofAll.next })).ids).toEqual([held.id]);
    expect((await page(ledger)).ids).toEqual([other.id, held.id]);
  });

  test('lists every entry exactly once to concurrent readers during concurrent writes', async () => {
    const ledgers = [ledger, new LedgerService(await server.open()), new LedgerService(await server.open())];
    const total = 300;
    let writing = true;
    const read = async (reader: LedgerService) => {
      const seen: string[] = [];
      for (let after: string | undefined; ;) {
        const last = !writing;
        const { ids, next } = await page(reader, { after, limit: 7 });
        seen.push(...ids);
        after = next;
        if (ids.length === 0 && last) return seen;
        await turn();
      }
    };
    const readers = Promise.all(ledgers.map(read));
    const written = await Promise.all(
      Array.from({ length: total }, async (_, number) => {
        const result = await ledgers[number % 3]?.record(numbered(number), recorded);
        return result?.id;
      }),
    );
    writing = false;
    for (const seen of await readers) {
      expect(seen).toHaveLength(total);
      expect(new Set(seen)).toEqual(new Set(written));
    }
  });

  test('assigns positions with the insert, in the order of the ids', async () => {
    const written = await Promise.all(
      Array.from({ length: 50 }, (_, number) => ledger.record(numbered(number), recorded)),
    );
    expect(await countUnpositioned()).toBe(0);
    expect((await page(ledger)).ids).toEqual(written.map(({ id }) => id).toSorted());
  });

  test('assigns them later where another statement assigns some at the same time', async () => {
    const lock = await lockPositions(server);
    const { id } = await ledger.record(numbered(1), recorded);
    expect(await countUnpositioned()).toBe(1);
    await lock.release();
    expect((await page(ledger)).ids).toEqual([id]);
    expect(await countUnpositioned()).toBe(0);
  });

  test('assigns feed positions without a reader after a thousand new entries without one', async () => {
    // A new service starts counting at zero, so the thousandth entry is the last one and all entries exist by then.
    const fresh = new LedgerService(database);
    const lock = await lockPositions(server);
    await Promise.all(Array.from({ length: 1_000 }, (_, number) => fresh.record(numbered(number), recorded)));
    expect(await countUnpositioned()).toBe(1_000);
    await lock.release();
    await waitFor('every entry has a feed position', async () => (await countUnpositioned()) === 0);
    expect(await countUnpositioned()).toBe(0);
  });

  describe('after the database was set back in time', () => {
    test('rejects the cursors of the lost time only, also when their positions are assigned again', async () => {
      await ledger.record(numbered(1), recorded);
      const kept = await page(ledger);
      const restore = await snapshot();
      for (const number of [2, 3]) await ledger.record(numbered(number), recorded);
      const lost = await Promise.all([page(ledger, { after: kept.next, limit: 1 }), page(ledger)]);
      await restore();
      const cursors = lost.flatMap(({ next }) => [next, withoutToken(next)]);
      expect(await Promise.all(cursors.map((after) => ledger.list({ limit: 100, after })))).toEqual(
        cursors.map(() => 'restarted'),
      );
      const again: string[] = [];
      for (const number of [4, 5, 6]) again.push((await ledger.record(numbered(number), recorded)).id);
      expect((await page(ledger, { after: kept.next })).ids).toEqual(again);
      expect(await Promise.all(lost.map(({ next }) => ledger.list({ limit: 100, after: next })))).toEqual([
        'restarted',
        'restarted',
      ]);
      expect(await ledger.list({ limit: 100, after: lost[1].next, userId: 'user-456' })).toBe('restarted');
    });

    test('accepts a cursor of version 0.1, and gives it a token', async () => {
      await ledger.record(numbered(1), recorded);
      const { next } = await page(ledger);
      expect(withoutToken(next)).not.toBe(next);
      expect(await page(ledger, { after: withoutToken(next) })).toEqual({ ids: [], next });
    });
  });

  /** What a database has that was restored to the time of the snapshot: positions are assigned again from there. */
  async function snapshot() {
    const [last] = await server.query('select last_value from ledger_feed_position');
    const before = new Set((await page(ledger)).ids);
    return async () => {
      const lost = (await page(ledger)).ids.filter((id) => !before.has(id)).map((id) => `'${id}'`);
      await server.query(`delete from delivery_outbox where ledger_id in (${lost.join()})`);
      await server.query(`delete from ledger where id in (${lost.join()})`);
      const position = String(last!['last_value']);
      await server.query(`delete from ledger_feed_batches where last_position > ${position}`);
      await server.query(`select setval('ledger_feed_position', ${position})`);
    };
  }

  async function countUnpositioned(): Promise<number> {
    const rows = await database.run((db) =>
      db.selectFrom('ledger').select('id').where('feed_position', 'is', null).execute(),
    );
    return rows.length;
  }
});

describe('the ledger feed when transactions do not commit in the order they began', () => {
  let server: TestDatabase;
  let database: Database;
  let ledger: LedgerService;
  beforeAll(async () => {
    server = await newDatabase();
    database = await server.open();
    ledger = new LedgerService(database);
  }, 60_000);
  afterAll(() => server.drop());
  /** Statements that wait for a lock and contain these words. */
  const blocked = (words: string) =>
    server.query(
      `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%${words}%'`,
    );

  const countBlockedReaders = async () => (await blocked('nextval(')).length;

  /** Blocks the `record` call of one callback inside its insert statement until released. */
  async function blockInsert(facts: ReturnType<typeof issuance>) {
    const blocker = await server.client();
    await blocker.query('begin');
    await blocker.query(
      `insert into ledger (id, kind, status, is_test, transaction_id, content, quantity_text, user_id, received_at,
         signature, signed_text, signed_text_hash, fields_hash, transaction_hash, signature_scheme, secret_index)
       values ('iss_blocker_' || $1, 'issuance', 'quarantined', false, '', '', '', '', now(), '', '', '', $1, '', '', 1)`,
      [fieldsHash(facts)],
    );
    return {
      isBlocked: async () => (await blocked('as incoming (')).length > 0,
      async release() {
        await blocker.query('rollback');
        await blocker.end();
      },
    };
  }

  /** Reads as a client does that assumes later entries have higher ids. */
  async function listByIdAfter(after: string): Promise<string[]> {
    const rows = await database.run((db) =>
      db.selectFrom('ledger').select('id').where('id', '>', after).orderBy('id').execute(),
    );
    return rows.map(({ id }) => id);
  }

  test('lists an entry that began first and commits last, which a query by id would skip', async () => {
    const hold = await blockInsert(numbered('early'));
    const early = ledger.record(numbered('early'), recorded);
    await waitFor('the early insert is blocked', hold.isBlocked);
    const late = await ledger.record(numbered('late'), recorded);

    const ours = await page(ledger);
    const byId = await listByIdAfter('');
    expect([ours.ids, byId]).toEqual([[late.id], [late.id]]);

    await hold.release();
    const { id } = await early;
    expect(id < late.id).toBe(true);
    expect(await listByIdAfter(late.id)).toEqual([]);
    expect((await page(ledger, { after: ours.next })).ids).toEqual([id]);
  });

  test('assigns no position behind the cursor of a reader when two readers assign positions at once', async () => {
    const { ids: before, next: end } = await page(ledger, { limit: 500 });
    expect(before.length).toBeLessThan(500);
    // A reader that blocks after it has selected entries without a position and before it draws sequence values for them.
    const hold = await server.client();
    const role = `slow_reader_${process.pid}`;
    await hold.query(`
      create role ${role} login password '${role}';
      grant all on all tables in schema public to ${role};
      grant all on all sequences in schema public to ${role};
      create function block_reader() returns boolean language plpgsql volatile as $$ begin
        if current_query() like '%nextval(%' then perform pg_advisory_xact_lock_shared(1); end if;
        return true;
      end $$;
      create policy slow_reading on ledger using (block_reader()) with check (true);
      alter table ledger enable row level security`);
    const slowUrl = Object.assign(new URL(server.url), { username: role, password: role });
    const slowDatabase = new Database({ server: slowUrl.href, timeoutMs: 20_000 });
    await slowDatabase.migrate();
    await hold.query('select pg_advisory_lock(1)');

    const positions = await lockPositions(server);
    const first = await ledger.record(numbered('first'), recorded);
    await positions.release();
    const slow = new LedgerService(slowDatabase);
    const slowPage = page(slow, { after: end });
    await waitFor('the slow reader is blocked', async () => (await countBlockedReaders()) === 1);

    // The quick reader sees one more entry. If it could draw sequence values now, they would be lower, and this lock would hide them.
    const lock = await lockPositions(server);
    const second = await ledger.record(numbered('second'), recorded);
    await lock.release();
    const writer = await server.client();
    await writer.query('begin');
    await writer.query('select 1 from ledger where id = $1 for update', [second.id]);
    const quickPage = page(ledger, { after: end });
    await waitFor('the quick reader is blocked', async () => (await countBlockedReaders()) === 2);
    await hold.query('select pg_advisory_unlock(1)');
    const isLockQueued = async () =>
      (
        await server.query(
          `select 1 from pg_locks join pg_database on pg_database.oid = pg_locks.database
           where datname = current_database() and locktype = 'advisory' and not granted`,
        )
      ).length > 0;
    await Promise.race([slowPage, waitFor('one of the readers waits for the lock', isLockQueued)]);
    await writer.query('rollback');
    const seen = await slowPage;
    await quickPage;
    const later = await page(slow, { after: seen.next });
    expect([...seen.ids, ...later.ids].toSorted()).toEqual([first.id, second.id].toSorted());

    await Promise.all([writer.end(), slowDatabase.close()]);
    await hold.query(
      `alter table ledger disable row level security; drop policy slow_reading on ledger; drop owned by ${role}; drop role ${role}`,
    );
    await hold.end();
  });

  test('lists new entries during a long transaction elsewhere on the server', async () => {
    const other = await server.client();
    await other.query('begin');
    await other.query('create table elsewhere (id int)');
    const { id } = await ledger.record(numbered('meanwhile'), recorded);
    expect((await page(ledger)).ids).toContain(id);
    await other.query('rollback');
    await other.end();
  });

  test('lists every entry exactly once for any order of commits', async () => {
    let run = 0;
    await assert(
      asyncProperty(
        uniqueArray(integer({ min: 0, max: 4 }), { minLength: 5, maxLength: 5 }),
        array(boolean(), { minLength: 5, maxLength: 5 }),
        async (commitOrder, readsAfter) => {
          run += 1;
          const user = `user-${run}`;
          const facts = Array.from({ length: 5 }, (_, number) => numbered(`${run}-${number}`, user));
          const holds = await Promise.all(facts.map(blockInsert));
          // Each is stored by a replica of its own: what one replica stores at a time has one commit.
          const writes = facts.map((callback) => new LedgerService(database).record(callback, recorded));
          const seen: string[] = [];
          let after: string | undefined;
          const read = async () => {
            const result = await page(ledger, { userId: user, after });
            seen.push(...result.ids);
            after = result.next;
          };
          for (const [step, number] of commitOrder.entries()) {
            await holds[number]?.release();
            await writes[number];
            if (readsAfter[step]) await read();
          }
          await read();
          const all = await Promise.all(writes);
          expect(seen.toSorted()).toEqual(all.map(({ id }) => id).toSorted());
        },
      ),
      { numRuns: scale(8, 25) },
    );
  }, 60_000);
});
