// The databases of growth.js: a day's entries, and for the one of them a long history before that.
import { Client } from 'pg';

/** Both databases have these, of the last hour; the history ends a day ago. */
export const RECENT = 2_000;
const HISTORY_DAYS = 80;
/** Of each table, both databases have so many rows that retention deletes at the start of the gateway. */
const EXPIRED = 5_000;
const CHUNK = 50_000;
const BIG_TABLES = ['ledger', 'deliveries', 'delivery_attempts', 'kiip_promised_rewards'];

/** @param size of the history: `entries`, for each of them `consumers`, and how many entries the user `heavy` has */
export async function fill(url, size, isFull) {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { entries } = size;
  // Foreign keys are not checked, which halves the time.
  await client.query(
    `set session_replication_role = replica; set synchronous_commit = off; set work_mem = '256MB'`,
  );
  const rebuild = isFull ? await dropIndexes(client) : [];
  if (isFull)
    for (let from = 1; from <= entries; from += CHUNK)
      await insert(client, size, from, Math.min(entries, from + CHUNK - 1), HISTORY_DAYS * 86_400);
  await client.query(`set maintenance_work_mem = '512MB'`);
  for (const statement of rebuild) await client.query(statement);
  await insert(client, size, entries + 1, entries + RECENT, 3_600);
  await client.query(`select setval('ledger_feed_position', ${entries + RECENT})`);
  for (const statement of expired(entries)) await client.query(statement);
  await client.query('vacuum analyze');
  for (const table of ['ledger', 'deliveries']) await age(client, table);
  await client.end();
}

/** Filled without them, and with them made at the end, it takes half the time. */
async function dropIndexes(client) {
  const { rows } = await client.query(
    `select indexname, indexdef from pg_indexes where tablename = any($1)
      and indexname not in (select conname from pg_constraint)`,
    [BIG_TABLES],
  );
  for (const { indexname } of rows) await client.query(`drop index ${indexname}`);
  return rows.map(({ indexdef }) => indexdef);
}

/** @param seconds the time that all of them were received in */
async function insert(client, { entries, consumers, heavy }, from, to, seconds) {
  const [first, count, end] = to > entries ? [entries, RECENT, 0] : [0, entries, 86_400];
  const at = `now() - interval '1 second' * (${end} + ${seconds} * (1 - (n - ${first})::float8 / ${count}))`;
  const range = `feed_position between ${from} and ${to}`;
  await client.query(`
    insert into ledger (id, kind, status, reason_code, is_test, transaction_id, content, name, quantity, quantity_text, user_id, received_at,
      signature, signed_text, signed_text_hash, fields_hash, transaction_hash, signature_scheme, secret_index, feed_position)
    select 'iss_' || lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0') || substr(md5(n::text), 1, 20),
      case when n % 4 = 0 then 'issuance' else 'redemption' end,
      case when n % 100 = 5 then 'quarantined' when n % 100 = 6 then 'discarded' when n % 100 = 7 then 'released' else 'recorded' end,
      case when n % 100 in (5, 6, 7) then 'unknown-reward' end, n % 50 = 0, md5('t' || n), md5('currency' || n % 3), 'Coins', n % 100 + 1,
      (n % 100 + 1)::text, case when n % 10 = 0 and (n <= ${heavy * 10} or n > ${entries}) then 'heavy'
        when n % 10 = 1 then 'once-' || n else 'user-' || n % 20000 end, at,
      md5('s' || n), decode(md5(n::text) || md5(n::text), 'hex'), md5('x' || n), md5('f' || n), md5('h' || n), 'redemption', 1, n
    from (select n, ${at} as at from generate_series(${from}, ${to}) n) numbered`);
  await client.query(`
    insert into deliveries (ledger_id, consumer, status, accepted_at, next_attempt_at, attempts, last_status, ended_at)
    select id, consumer, d.status, received_at, case d.status when 'pending' then now() end, 1,
      case d.status when 'delivered' then 200 else 503 end, case when d.status <> 'pending' then received_at end
    from ledger, lateral (
      select case number when 0 then 'wallet' else 'consumer-' || number end as consumer,
        -- What is pending belongs to a consumer that is gone, so that nothing is sent.
        case when feed_position % 100 <> 3 then 'delivered' when number = 1 then 'pending' else 'dead' end as status
      from generate_series(0, ${consumers - 1}) number
    ) d where ${range} and ledger.status in ('recorded', 'released') order by feed_position`);
  await client.query(`
    insert into delivery_attempts (delivery_id, number, started_at, duration_ms, status, outcome)
    select d.id, 1, d.accepted_at, 5, last_status, 'accepted' from deliveries d
    where d.id > coalesce((select max(delivery_id) from delivery_attempts), 0)`);
  await client.query(`
    insert into kiip_promised_rewards (transaction_id, kiip_user_id, user_id, reward_id, id_kind, is_test, promised_at)
    select transaction_id, user_id, user_id, transaction_id, 'view_id', is_test, received_at - interval '1 minute'
    from ledger where ${range}`);
  await client.query(`
    insert into kiip_rewarded_moments (reward_id, moment_id, user_id, virtual_value, rewarded_at)
    select transaction_id, 'moment', user_id, '20', received_at - interval '1 minute' from ledger where ${range}`);
  await client.query(`
    insert into kiip_user_references (user_id_hash, user_id, reference, first_sent_at)
    select md5('u' || feed_position), 'u' || feed_position, 'r' || feed_position, received_at from ledger where ${range}`);
}

function expired(entries) {
  const numbers = `generate_series(1, ${EXPIRED}) n`;
  return [
    `insert into kiip_promised_rewards (transaction_id, kiip_user_id, id_kind, is_test, promised_at)
      select 'old-' || n, '', 'view_id', false, now() - interval '500 days' from ${numbers}`,
    `insert into kiip_rewarded_moments select 'old-' || n, 'moment', 'user-1', '20', now() - interval '500 days' from ${numbers}`,
    `insert into kiip_user_references (user_id_hash, user_id, first_sent_at)
      select 'old-' || n, 'old-' || n, now() - interval '500 days' from ${numbers}`,
    `insert into rejected_callbacks (body_hash, body, content_type, received_at)
      select 'old-' || n, '', 'application/json', now() - interval '500 days' from ${numbers}`,
    `insert into idempotency_keys (key_hash, lease_token, state, body_hash, lease_expires_at, expires_at)
      select 'old-' || n, gen_random_uuid(), 'unknown', '', now(), now() from ${numbers}`,
    // Those of a day.
    `insert into idempotency_keys (key_hash, lease_token, state, body_hash, lease_expires_at, expires_at)
      select 'key-' || n, gen_random_uuid(), 'unknown', '', now(), now() + interval '1 day'
      from generate_series(1, (select count(*) from ledger where feed_position <= ${entries}) / ${HISTORY_DAYS}) n`,
    `update delivery_attempts set started_at = now() - interval '500 days' where delivery_id in (
      select id from deliveries where status = 'delivered' order by id desc limit ${EXPIRED})`,
  ];
}

/**
 * Leaves almost as many dead rows as autovacuum does before it cleans up: the more rows a table has, the more. The worst case, as after
 * an outage in which all of these waited.
 */
async function age(client, table) {
  const { rows } = await client.query(
    `select (0.45 * (reltuples * coalesce(scale, current_setting('autovacuum_vacuum_scale_factor')::float)
        + coalesce(threshold, current_setting('autovacuum_vacuum_threshold')::float)))::int as aged, newest::int
      from pg_class, (select max(${KEYS[table]}) as newest from ${table}) t, lateral (
        select max(option_value) filter (where option_name = 'autovacuum_vacuum_scale_factor')::float as scale,
          max(option_value) filter (where option_name = 'autovacuum_vacuum_threshold')::float as threshold
        from pg_options_to_table(reloptions)
      ) options where oid = $1::regclass`,
    [table],
  );
  const [{ aged, newest }] = rows;
  for (let from = Math.max(0, newest - aged); from < newest; from += CHUNK)
    await AGE[table](client, from, from + CHUNK);
}

const KEYS = { ledger: 'feed_position', deliveries: 'id' };
const AGE = {
  async ledger(client, from, to) {
    // They lose their positions, and get them again.
    await client.query(
      `create temp table aged as select id, feed_position from ledger where feed_position > ${from} and feed_position <= ${to}`,
    );
    await client.query('update ledger set feed_position = null from aged where ledger.id = aged.id');
    await client.query(
      'update ledger set feed_position = aged.feed_position from aged where ledger.id = aged.id',
    );
    await client.query('drop table aged');
  },
  async deliveries(client, from, to) {
    const range = `id > ${from} and id <= ${to} and status = 'delivered'`;
    await client.query(
      `update deliveries set status = 'pending', next_attempt_at = accepted_at where ${range}`,
    );
    await client.query(`update deliveries set status = 'delivered', next_attempt_at = null
      where ${range.replace('delivered', 'pending')} and ended_at is not null`);
  },
};
