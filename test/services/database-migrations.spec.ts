import { readdirSync } from 'node:fs';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { openPostgresql } from '../../src/database/postgresql.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';

/**
 * What a migration does against the rule of docs/architecture.md, "Migrations", and why no version that may run beside it or be rolled
 * back to depends on it.
 */
const EXCEPTIONS: Readonly<Record<string, string>> = {};

/** What a version may depend on. A column is optional if a version that does not know it can still insert rows. */
const FACTS = `
  select relname as relation, relname || ': ' || fact as fact, optional from (
    select attrelid as oid, attnotnull is false or adbin is not null or attidentity <> '' as optional,
      concat_ws(' ', 'column', attname, format_type(atttypid, atttypmod), case when attnotnull then 'not null' end,
        'default ' || pg_get_expr(adbin, adrelid)) as fact
    from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where attnum > 0 and not attisdropped
    union all
    select unnest(array[conrelid, confrelid]), false, 'constraint ' || conname || ' ' || pg_get_constraintdef(oid)
    from pg_constraint where contype <> 'n'
    union all
    select indrelid, false, pg_get_indexdef(indexrelid) from pg_index where indisunique
    union all
    select tgrelid, false, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
    union all
    select oid, false, 'rows in file ' || relfilenode from pg_class where relkind in ('r', 'S')
  ) facts join pg_class using (oid)
  where relnamespace = current_schema()::regnamespace and relkind in ('r', 'S', 'v')`;

interface Fact {
  readonly relation: string;
  readonly fact: string;
  readonly optional: boolean;
}
type Db = Kysely<unknown>;

const factsOf = async (db: Db) => (await sql.raw<Fact>(FACTS).execute(db)).rows;

/** What a change takes away from those who know the schema of before, or demands of them. */
async function violationsOf(db: Db, change: () => Promise<unknown>): Promise<string[]> {
  const before = await factsOf(db);
  await change();
  const after = await factsOf(db);
  const [known, left] = [before, after].map((facts) => new Set(facts.map(({ fact }) => fact)));
  const relations = new Set(before.map(({ relation }) => relation));
  return [
    ...before.filter(({ fact }) => !left!.has(fact)).map(({ fact }) => `removes ${fact}`),
    ...after
      .filter(({ relation, fact, optional }) => relations.has(relation) && !known!.has(fact) && !optional)
      .map(({ fact }) => `adds ${fact}`),
  ];
}

const folder = new URL('../../src/database/', import.meta.url);
const files = readdirSync(folder)
  .filter((name) => /^migration-\d{4}-.*\.ts$/.test(name))
  .toSorted();

let database: TestDatabase;
let db: Db;

beforeAll(async () => {
  database = await newDatabase();
  await database.query('drop schema public cascade; create schema public');
  const options = { databaseUrl: database.url, timeoutMs: 30_000, poolSize: 1 };
  db = (await openPostgresql(options)) as unknown as Db;
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

it.each(files)('%s leaves the version before it what that depends on', async (file) => {
  const migration = (await import(new URL(file, folder).href)) as { up(db: Db): Promise<void> };
  const violations = await violationsOf(db, () => migration.up(db));
  expect(violations.filter((violation) => !Object.hasOwn(EXCEPTIONS, `${file}: ${violation}`))).toEqual([]);
});

async function tryOut(statement: string): Promise<string[]> {
  await sql`begin`.execute(db);
  try {
    return await violationsOf(db, () => sql.raw(statement).execute(db));
  } finally {
    await sql`rollback`.execute(db);
  }
}

describe('a migration', () => {
  it.each([
    'alter table ledger add column next text',
    `alter table ledger add column next integer not null default 1`,
    'create table next (id bigint generated always as identity primary key)',
    'create index on ledger (received_at)',
    'drop index ledger_feed_position_idx',
  ])('may %s', async (statement) => {
    expect(await tryOut(statement)).toEqual([]);
  });

  it.each([
    ['drop table ledger_balances', /^removes ledger_balances: column/],
    [
      'alter table ledger drop column duplicates',
      /^removes ledger: column duplicates integer not null default 0$/,
    ],
    ['alter table ledger rename column duplicates to repeats', /^removes ledger: column duplicates/],
    ['alter table ledger rename to entries', /^removes ledger: column/],
    ['alter table ledger alter column duplicates type bigint', /^removes ledger: column duplicates integer/],
    ['alter table ledger alter column duplicates drop default', /^removes ledger: column duplicates/],
    ['alter table ledger alter column name set not null', /^removes ledger: column name text$/],
    ['alter table ledger add column next text not null', /^adds ledger: column next text not null$/],
    ['alter table ledger add check (quantity < 1000)', /^adds ledger: constraint/],
    ['create unique index on deliveries (consumer)', /^adds deliveries: CREATE UNIQUE INDEX/],
    ['drop index ledger_fields_hash_idx', /^removes ledger: CREATE UNIQUE INDEX ledger_fields_hash_idx/],
    ['create table next (id text references ledger (id))', /^adds ledger: constraint/],
    [
      'create trigger next before insert on ledger execute function reject_audit_change()',
      /^adds ledger: CREATE TRIGGER/,
    ],
    // Every row is written anew while nothing else can be.
    ['alter table ledger add column next uuid default gen_random_uuid()', /^removes ledger: rows in file/],
  ])('may not %s', async (statement, violation) => {
    expect(await tryOut(statement)).toContainEqual(expect.stringMatching(violation));
  });
});
