import { MIGRATION_NAMES } from '../database/migrations.js';
import type { Tables } from '../database/tables.js';
import { failed, ok, warning } from './finding.js';
import type { Finding } from './finding.js';

export type Query = <Row>(text: string, values?: unknown[]) => Promise<Row[]>;

const READ_WRITE = ['select', 'insert', 'update', 'delete'];
/** Rows of these are never deleted. */
const KEPT = ['select', 'insert', 'update'];
/** What the gateway does with its tables. */
const RIGHTS: Readonly<Record<keyof Tables, readonly string[]>> = {
  audit_log: ['select', 'insert'],
  ledger: KEPT,
  deliveries: KEPT,
  delivery_replays: KEPT,
  ledger_balances: READ_WRITE,
  ledger_feed_batches: ['select', 'insert'],
  delivery_outbox: READ_WRITE,
  delivery_attempts: READ_WRITE,
  delivery_pauses: READ_WRITE,
  kiip_promised_rewards: READ_WRITE,
  kiip_rewarded_moments: READ_WRITE,
  kiip_user_references: READ_WRITE,
  rejected_callbacks: READ_WRITE,
  idempotency_keys: READ_WRITE,
};
const SEQUENCE = 'ledger_feed_position';

export async function checkMigrations(check: string, query: Query): Promise<Finding> {
  const [row] = await query<{ schema: string; exists: boolean; may_create: boolean; may_alter: boolean }>(
    `select current_schema() as schema, own.oid is not null as exists,
      has_schema_privilege(current_schema(), 'create') as may_create,
      coalesce(pg_has_role(own.relowner, 'usage'), true) as may_alter
    from (select to_regclass('gateway_migrations') as name) t left join pg_class own on own.oid = t.name`,
  );
  const { schema, exists, may_create: mayCreate, may_alter: mayAlter } = row!;
  const applied = exists
    ? (await query<{ name: string }>('select name from gateway_migrations')).map(({ name }) => name)
    : [];
  const pending = MIGRATION_NAMES.filter((name) => !applied.includes(name));
  const later = applied.filter((name) => !MIGRATION_NAMES.includes(name));
  const found = `${applied.length} applied in the schema ${schema}`;
  if (pending.length === 0 && later.length === 0) return ok(check, found);
  if (pending.length === 0)
    return warning(
      check,
      `${found}, of which ${later.join(', ')} by a later version, which this one works with`,
    );
  if (later.length > 0)
    return failed(
      check,
      `${found}, with ${later.join(', ')} and without ${pending.join(', ')}: use the version that it belongs to`,
    );
  if (!mayCreate || !mayAlter)
    return failed(
      check,
      `${found}, ${pending.length} pending, and the role may not create tables or alter those that are there: ` +
        'run npm run migrate as their owner, or grant create on the schema',
    );
  return warning(
    check,
    `${found}, ${pending.length} pending: the next start applies them, or npm run migrate does before`,
  );
}

export async function checkRights(check: string, query: Query): Promise<Finding> {
  const needed = Object.entries(RIGHTS).flatMap(([table, rights]) => rights.map((right) => [right, table]));
  const rows = await query<{ missing: string }>(
    `select right_name || ' on ' || relation as missing
      from unnest($1::text[], $2::text[]) as needed (right_name, relation)
      where not has_table_privilege(to_regclass(relation), right_name)
    union all
    select 'usage on sequence ${SEQUENCE}' where not has_sequence_privilege(to_regclass('${SEQUENCE}'), 'usage')`,
    [needed.map(([right]) => right), needed.map(([, table]) => table)],
  );
  if (rows.length === 0) return ok(check, 'the role has all on the tables that are there');
  return failed(
    check,
    `the role lacks ${rows.map(({ missing }) => missing).join(', ')}: grant them to the role of DATABASE_URL`,
  );
}
