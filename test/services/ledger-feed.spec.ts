import { setImmediate as turn } from 'node:timers/promises';
import { array, assert, asyncProperty, boolean, integer, uniqueArray } from 'fast-check';
import { Database } from '../../src/database/database.js';
import { LedgerService } from '../../src/ledger/ledger.service.js';
import type { FeedQuery } from '../../src/ledger/ledger-feed.js';
import { fieldsHash } from '../../src/ledger/ledger-entry.js';
import { issuance } from '../support/callback-facts.js';
import { engines } from '../support/database-engines.js';
import type { Engine } from '../support/database-engines.js';
import { findPostgres, PostgresServer } from '../support/postgres.js';
import { waitFor } from '../support/wait-for.js';

const recorded = { status: 'recorded' } as const;
const quarantined = { status: 'quarantined', reason: { code: 'currency', field: 'content' } } as const;
const numbered = (number: number | string, userId = 'user-123') => issuance({ nonce: `n-${number}`, userId });

async function page(ledger: LedgerService, query: Partial<FeedQuery> = {}) {
  const { items, next } = await ledger.list({ limit: 100, ...query });
  return { ids: items.map(({ id }) => id), next };
}

describe.each(engines)('the feed on %s', (_name, open) => {
  let engine: Engine;
  let ledger: LedgerService;
  beforeAll(async () => {
    engine = await open();
    ledger = new LedgerService(engine.database);
  }, 60_000);
  beforeEach(() => engine.empty());
  afterAll(() => engine.close());

  test('gives an empty page a cursor from which the first row is found', async () => {
    const empty = await page(ledger);
    expect(empty.ids).toEqual([]);
    const { id } = await ledger.record(numbered(1), recorded);
    expect((await page(ledger, { after: empty.next })).ids).toEqual([id]);
  });

  test('goes through every row once, oldest first, page by page, and stays at the end', async () => {
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

  test('can be read by user and by status', async () => {
    const mine = await ledger.record(numbered(1), recorded);
    const theirs = await ledger.record(numbered(2, 'user-456'), recorded);
    const held = await ledger.record(numbered(3), quarantined);
    expect((await page(ledger, { userId: 'user-123' })).ids).toEqual([mine.id, held.id]);
    expect((await page(ledger, { userId: 'user-456' })).ids).toEqual([theirs.id]);
    expect((await page(ledger, { userId: 'user-123', status: 'quarantined' })).ids).toEqual([held.id]);
    expect((await page(ledger, { status: 'recorded' })).ids).toEqual([mine.id, theirs.id]);
  });

  test('shows a decided row again, at its end, so that readers of one status see it arrive', async () => {
    const held = await ledger.record(numbered(1), quarantined);
    const other = await ledger.record(numbered(2), recorded);
    const ofReleased = await page(ledger, { status: 'released' });
    const ofAll = await page(ledger);
    expect(ofAll.ids).toEqual([held.id, other.id]);
    await ledger.release(held.id);
    expect((await page(ledger, { status: 'released', after: ofReleased.next })).ids).toEqual([held.id]);
    expect((await page(ledger, { after: ofAll.next })).ids).toEqual([held.id]);
    expect((await page(ledger)).ids).toEqual([other.id, held.id]);
  });

  test('misses no row and shows none twice while many write, whoever reads when', async () => {
    const ledgers = [
      ledger,
      new LedgerService(await engine.another()),
      new LedgerService(await engine.another()),
    ];
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
        const answer = await ledgers[number % 3]?.record(numbered(number), recorded);
        return answer?.id;
      }),
    );
    writing = false;
    for (const seen of await readers) {
      expect(seen).toHaveLength(total);
      expect(new Set(seen)).toEqual(new Set(written));
    }
  });

  test('gives rows their places by itself after a thousand, lest a late reader has to wait', async () => {
    // One that has counted nothing yet: the thousandth row is the last, and all of them are there when it is told.
    const fresh = new LedgerService(engine.database);
    await Promise.all(Array.from({ length: 1_000 }, (_, number) => fresh.record(numbered(number), recorded)));
    await waitFor('every row has its place', async () => (await waiting()) === 0);
    expect(await waiting()).toBe(0);
  });

  async function waiting(): Promise<number> {
    const rows = await engine.database.run((db) =>
      db.selectFrom('ledger').select('id').where('feed_position', 'is', null).execute(),
    );
    return rows.length;
  }
});

const bin = findPostgres();
const onPostgres = bin === undefined ? describe.skip : describe;

onPostgres('the feed, when transactions commit in another order than they began', () => {
  let server: PostgresServer;
  let database: Database;
  let ledger: LedgerService;
  beforeAll(async () => {
    server = await PostgresServer.create(bin ?? '');
    database = new Database({ databaseUrl: server.url('postgres'), dataDir: '', timeoutMs: 10_000 });
    await database.migrate();
    ledger = new LedgerService(database);
  }, 60_000);
  afterAll(async () => {
    await database.close();
    await server.destroy();
  });

  /** Holds up the very `record` of one callback, inside its statement, until released. */
  async function holdUp(facts: ReturnType<typeof issuance>) {
    const rival = await server.client('postgres');
    await rival.query('begin');
    await rival.query(
      `insert into ledger (id, kind, status, is_test, transaction_id, content, quantity_text, user_id, received_at,
         signature, signed_text, signed_text_hash, fields_hash, transaction_hash, signature_scheme, secret_index)
       values ('iss_rival_' || $1, 'issuance', 'quarantined', false, '', '', '', '', now(), '', '', '', $1, '', '', 1)`,
      [fieldsHash(facts)],
    );
    return {
      inserting: async () => {
        const rows = await server.query(
          'postgres',
          `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%insert into "ledger"%'`,
        );
        return rows.length > 0;
      },
      async release() {
        await rival.query('rollback');
        await rival.end();
      },
    };
  }

  /** What a reader does who trusts that later rows have higher ids. */
  async function plainly(after: string): Promise<string[]> {
    const rows = await database.run((db) =>
      db.selectFrom('ledger').select('id').where('id', '>', after).orderBy('id').execute(),
    );
    return rows.map(({ id }) => id);
  }

  test('a row that began first and commits last is seen, where "id > last" skips it', async () => {
    const hold = await holdUp(numbered('early'));
    const early = ledger.record(numbered('early'), recorded);
    await waitFor('the early one is held up', hold.inserting);
    const late = await ledger.record(numbered('late'), recorded);

    const ours = await page(ledger);
    const theirs = await plainly('');
    expect([ours.ids, theirs]).toEqual([[late.id], [late.id]]);

    await hold.release();
    const { id } = await early;
    expect(id < late.id).toBe(true);
    expect(await plainly(late.id)).toEqual([]);
    expect((await page(ledger, { after: ours.next })).ids).toEqual([id]);
  });

  test('of two who give out places at once, neither gives one behind the back of a reader', async () => {
    const { ids: before, next: end } = await page(ledger, { limit: 500 });
    expect(before.length).toBeLessThan(500);
    // A reader that stands still between having seen which rows wait and drawing their numbers.
    const hold = await server.client('postgres');
    await hold.query(`
      create role slow_reader login;
      grant all on all tables in schema public to slow_reader;
      grant all on all sequences in schema public to slow_reader;
      create function stand_still() returns boolean language plpgsql volatile as $$ begin
        if current_query() like '%nextval(%' then perform pg_advisory_xact_lock_shared(1); end if;
        return true;
      end $$;
      create policy slowly on ledger using (stand_still()) with check (true);
      alter table ledger enable row level security`);
    const databaseUrl = server.url('postgres').replace('gateway@', 'slow_reader@');
    const slowly = new Database({ databaseUrl, dataDir: '', timeoutMs: 20_000 });
    await slowly.migrate();
    await hold.query('select pg_advisory_lock(1)');
    const waiting = async () =>
      (
        await server.query(
          'postgres',
          `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%nextval(%'`,
        )
      ).length;

    const first = await ledger.record(numbered('first'), recorded);
    const slow = new LedgerService(slowly);
    const slowPage = page(slow, { after: end });
    await waitFor('the slow reader stands still', async () => (await waiting()) === 1);

    // The other one sees one row more. If it may draw numbers meanwhile, they are lower ones, and this keeps them from being seen.
    const second = await ledger.record(numbered('second'), recorded);
    const writer = await server.client('postgres');
    await writer.query('begin');
    await writer.query('select 1 from ledger where id = $1 for update', [second.id]);
    const quickPage = page(ledger, { after: end });
    await waitFor('the other one waits', async () => (await waiting()) === 2);
    await hold.query('select pg_advisory_unlock(1)');
    const waitsForItsTurn = async () =>
      (await server.query('postgres', `select 1 from pg_locks where locktype = 'advisory' and not granted`))
        .length > 0;
    await Promise.race([slowPage, waitFor('one of them waits for its turn', waitsForItsTurn)]);
    await writer.query('rollback');
    const seen = await slowPage;
    await quickPage;
    const later = await page(slow, { after: seen.next });
    expect([...seen.ids, ...later.ids].toSorted()).toEqual([first.id, second.id].toSorted());

    await Promise.all([writer.end(), slowly.close()]);
    await hold.query('alter table ledger disable row level security; drop policy slowly on ledger');
    await hold.end();
  });

  test('a long transaction elsewhere on the server does not hold the feed up', async () => {
    const other = await server.client('postgres');
    await other.query('begin');
    await other.query('create table elsewhere (id int)');
    const { id } = await ledger.record(numbered('meanwhile'), recorded);
    expect((await page(ledger)).ids).toContain(id);
    await other.query('rollback');
    await other.end();
  });

  test('any order of beginnings and commits is read without a gap and without a repetition', async () => {
    let run = 0;
    await assert(
      asyncProperty(
        uniqueArray(integer({ min: 0, max: 4 }), { minLength: 5, maxLength: 5 }),
        array(boolean(), { minLength: 5, maxLength: 5 }),
        async (commitOrder, readsAfter) => {
          run += 1;
          const user = `user-${run}`;
          const facts = Array.from({ length: 5 }, (_, number) => numbered(`${run}-${number}`, user));
          const holds = await Promise.all(facts.map(holdUp));
          const writes = facts.map((each) => ledger.record(each, recorded));
          const seen: string[] = [];
          let after: string | undefined;
          const read = async () => {
            const answer = await page(ledger, { userId: user, after });
            seen.push(...answer.ids);
            after = answer.next;
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
      { numRuns: 25 },
    );
  }, 60_000);
});
