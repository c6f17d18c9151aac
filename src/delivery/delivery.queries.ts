import { sql } from 'kysely';
import { DELIVERIES_LOCK } from '../database/advisory-locks.js';
import type { Kysely } from 'kysely';
import type { Consumer } from '../config/parsers.js';
import { PreparedStatement } from '../database/prepared-statement.js';
import type { Tables } from '../database/tables.js';
import { LEDGER_ENTRIES_SQL, OUTBOX_SQL } from '../ledger/ledger-view.queries.js';
import { fromPausesSql, urlHash } from './consumer-pauses.queries.js';

/** The status of each delivery of an entry, as reconciliation may join it in SQL. */
export const DELIVERY_STATUSES = sql`(select ledger_id, status from deliveries)`;

/** Lets one process at a time create deliveries: `(select acquired from creation_lock)`. */
const TRY_LOCK_SQL = `creation_lock as materialized (
  select pg_try_advisory_xact_lock(${DELIVERIES_LOCK}) as acquired
)`;
export const TRY_LOCK = sql.raw(TRY_LOCK_SQL);

/** A delivery that only this process may send until the lease expires. */
export interface LeasedDelivery {
  readonly id: string;
  readonly ledgerId: string;
  readonly acceptedAt: Date;
  /** By the clock of the database. Deliveries are signed with it, since the clocks of replicas may be wrong. */
  readonly leasedAt: Date;
  /** The trace in which the entry was accepted, if any. */
  readonly traceParent: string | null;
  readonly leaseToken: string;
  /** Earlier attempts since the retry schedule started. */
  readonly attempts: number;
  /** Time since the first of these attempts, in milliseconds; 0 before it. */
  readonly ageMs: number;
  /** By a replay or a manual retry. */
  readonly isResent: boolean;
}

/** Index entries are limited in size. Users whose ids share this prefix wait for each other. */
const ORDERING_KEY_SQL = 'left(l.user_id, 256)';
export const ORDERING_KEY = sql.raw(ORDERING_KEY_SQL);

/**
 * When a new delivery is due: now, or a minute later if a delivery of the same user precedes it, whose end makes it due. `d` has the
 * consumer, the ordering key and the `position` among the deliveries that are created together. The limit makes PostgreSQL look for each
 * of them by an index, instead of reading all that is pending once.
 */
const FIRST_ATTEMPT_AT_SQL = `case
  when d.ordering_key is not null and (d.position > 1 or (
    select true from deliveries earlier
    where earlier.consumer = d.consumer and earlier.ordering_key = d.ordering_key and earlier.status = 'pending' limit 1))
  then now() + interval '1 minute' else now() end`;
export const FIRST_ATTEMPT_AT = sql.raw(FIRST_ATTEMPT_AT_SQL);

/** The parameters are the names of the consumers, whether each has its deliveries in order, and the limit. */
const FAN_OUT = new PreparedStatement<{ moved: number; waiting: string[] }>(
  'fan_out',
  `
  with ${TRY_LOCK_SQL},
  oldest as materialized (
    select ledger_id from ${OUTBOX_SQL} where (select acquired from creation_lock) order by accepted_at, ledger_id limit $3::int
  ),
  moved as (
    delete from ${OUTBOX_SQL} o using oldest where o.ledger_id = oldest.ledger_id
    returning o.ledger_id, o.accepted_at, o.trace_parent
  ),
  d as (
    select keyed.*, row_number() over (partition by consumer, ordering_key order by accepted_at, ledger_id) as position
    from (
      select moved.*, c.name as consumer, case when c.ordered then ${ORDERING_KEY_SQL} end as ordering_key
      -- One by one, by their ids: PostgreSQL might read the whole ledger instead.
      from moved cross join lateral (select * from ${LEDGER_ENTRIES_SQL} e where e.id = moved.ledger_id limit 1) l
      cross join unnest($1::text[], $2::boolean[]) as c (name, ordered)
    ) keyed
  ),
  created as (
    insert into deliveries (ledger_id, consumer, ordering_key, accepted_at, trace_parent, next_attempt_at)
    select ledger_id, consumer, ordering_key, accepted_at, trace_parent, ${FIRST_ATTEMPT_AT_SQL}
    from d order by accepted_at, ledger_id
    on conflict on constraint deliveries_once_per_consumer do nothing
    returning id, ledger_id, consumer, next_attempt_at > now() as waits
  )
  select (select count(*)::int from moved) as moved,
    array(select created.id from created join d using (ledger_id, consumer) where waits and position = 1) as waiting`,
);

/**
 * Moves up to `limit` entries out of the outbox, oldest first, and creates one delivery of each for every consumer.
 * @returns the number of entries that left the outbox
 */
export async function fanOutOutbox(
  db: Kysely<Tables>,
  consumers: readonly Consumer[],
  limit: number,
): Promise<number> {
  const names = consumers.map(({ name }) => name);
  const ordered = consumers.map(({ order_by }) => order_by !== undefined);
  const [result] = await FAN_OUT.execute(db, [names, ordered, limit]);
  const { moved, waiting } = result!;
  if (waiting.length > 0) await releaseOvertaken(db, waiting);
  return moved;
}

/**
 * Makes those of some new deliveries due that no longer have an earlier one of their user: it ended while they were created, so that
 * neither statement saw the other's rows. The lock waits for an end that is being saved.
 */
async function releaseOvertaken(db: Kysely<Tables>, ids: readonly string[]): Promise<void> {
  await sql`
    update deliveries d set next_attempt_at = now()
    where d.id = any(${ids}::bigint[]) and d.status = 'pending' and d.next_attempt_at > now() and (
      select true from deliveries earlier
      where earlier.consumer = d.consumer and earlier.ordering_key = d.ordering_key and earlier.status = 'pending'
        and earlier.id < d.id
      limit 1 for share
    ) is null`.execute(db);
}

/**
 * The parameters are the name of the consumer, its `urlHash`, how long a lease lasts in milliseconds, and the limit. A lease that ends
 * later than any may was made before the clock of the server was put back: its holder is long gone. The conditions let PostgreSQL read
 * the index on due deliveries in its order, whatever the backlog.
 */
const ACQUIRE_LEASES = new PreparedStatement<LeasedDeliveryRow>(
  'acquire_leases',
  `
  with due as materialized (
    select d.id from deliveries d
    where d.consumer = $1 and d.status = 'pending' and d.next_attempt_at <= now()
      and (d.lease_expires_at is null or d.lease_expires_at not between now() and now() + $3::float8 * interval '2 ms')
      and not exists (select ${fromPausesSql('$1', '$2')})
      and (d.ordering_key is null or d.id = (
        select min(first.id) from deliveries first
        where first.consumer = $1 and first.ordering_key = d.ordering_key and first.status = 'pending'
      ))
    order by d.next_attempt_at, d.id
    limit $4::int
    for update skip locked
  )
  update deliveries
  set lease_token = gen_random_uuid(), lease_expires_at = now() + $3::float8 * interval '1 ms'
  from due where deliveries.id = due.id
  returning deliveries.id, ledger_id, accepted_at, now() as leased_at, trace_parent, lease_token, schedule_attempts,
    coalesce(extract(epoch from now() - schedule_started_at), 0)::float8 * 1000 as schedule_age_ms,
    attempts <> schedule_attempts or exists (
      select from delivery_replays r
      where r.consumer = $1 and accepted_at >= r.from_at and accepted_at < least(r.to_at, r.created_at)
    ) as is_resent`,
);

/**
 * Leases up to `limit` deliveries that are due, unless the consumer is paused. Of the deliveries that share an ordering key, only the
 * first pending one is leased.
 */
export async function acquireLeases(
  db: Kysely<Tables>,
  consumer: Consumer,
  limit: number,
  leaseMs: number,
): Promise<LeasedDelivery[]> {
  const rows = await ACQUIRE_LEASES.execute(db, [
    consumer.name,
    urlHash(consumer),
    Math.ceil(leaseMs),
    limit,
  ]);
  return rows.map((row) => ({
    id: row.id,
    ledgerId: row.ledger_id,
    acceptedAt: row.accepted_at,
    leasedAt: row.leased_at,
    traceParent: row.trace_parent,
    leaseToken: row.lease_token,
    attempts: row.schedule_attempts,
    ageMs: row.schedule_age_ms,
    isResent: row.is_resent,
  }));
}

interface LeasedDeliveryRow {
  id: string;
  ledger_id: string;
  accepted_at: Date;
  leased_at: Date;
  trace_parent: string | null;
  lease_token: string;
  schedule_attempts: number;
  schedule_age_ms: number;
  is_resent: boolean;
}

export interface AttemptResult {
  readonly durationMs: number;
  readonly status: number | undefined;
  readonly outcome: string;
  /** `delivered` and `dead` are final; a number is the time until the next attempt, in milliseconds. */
  readonly next: 'delivered' | 'dead' | number;
  /** Whether the retry schedule starts again with the next attempt. */
  readonly resetSchedule: boolean;
}

/** Later deliveries of a user that are postponed together with the first one; the rest would only be checked in vain. */
const MAX_FOLLOWERS_UPDATED = 1_000;

export interface Attempt {
  readonly delivery: LeasedDelivery;
  readonly result: AttemptResult;
}

/**
 * The parameters are the results, and the ids of their deliveries: rows are named by these as well as by the join, since PostgreSQL might
 * read the whole table for the join alone.
 */
const SAVE_ATTEMPTS = new PreparedStatement<{ delivery_id: string }>(
  'save_attempts',
  `
  with results as materialized (
    select *, now() - duration_ms * interval '1 millisecond' as started_at
    from json_to_recordset($1) as result (id bigint, lease_token uuid, duration_ms integer,
      http_status integer, outcome text, next text, wait_ms bigint, reset_schedule boolean)
  ),
  attempted as (
    update deliveries d
    set status = r.next, attempts = attempts + 1, last_status = r.http_status,
      schedule_attempts = case when r.reset_schedule then 0 else schedule_attempts + 1 end,
      schedule_started_at = case when not r.reset_schedule then coalesce(schedule_started_at, r.started_at) end,
      next_attempt_at = now() + r.wait_ms * interval '1 millisecond',
      ended_at = case when r.next <> 'pending' then now() end, lease_token = null, lease_expires_at = null
    from results r
    where d.id = any($2::bigint[]) and d.id = r.id and d.lease_token = r.lease_token
    returning d.*, r.started_at, r.duration_ms, r.outcome
  ),
  followers as materialized (
    select follower.* from attempted a cross join lateral (
      select f.id, a.next_attempt_at as due_at from deliveries f
      where f.consumer = a.consumer and f.ordering_key = a.ordering_key and f.status = 'pending' and f.id > a.id
      order by f.id limit case when a.status = 'pending' then ${MAX_FOLLOWERS_UPDATED} else 1 end
    ) follower
  ),
  postponed as (
    update deliveries
    set next_attempt_at = coalesce(followers.due_at, now())
    from followers
    where deliveries.id = any(array(select id from followers)) and deliveries.id = followers.id
      and deliveries.status = 'pending'
  )
  insert into delivery_attempts (delivery_id, number, started_at, duration_ms, status, outcome)
  select id, attempts, started_at, duration_ms, last_status, outcome from attempted
  returning delivery_id`,
);

/**
 * Saves the results of attempts. The next delivery with the same ordering key becomes due when one has ended; otherwise the following
 * deliveries are postponed with it.
 * @returns whether each lease was still held; if not, another process has the delivery and the result is ignored
 */
export async function saveAttempts(db: Kysely<Tables>, attempts: readonly Attempt[]): Promise<boolean[]> {
  const results = attempts.map(
    ({ delivery, result: { durationMs, status, outcome, next, resetSchedule } }) => ({
      id: delivery.id,
      lease_token: delivery.leaseToken,
      duration_ms: durationMs,
      http_status: status,
      outcome,
      next: typeof next === 'number' ? 'pending' : next,
      wait_ms: typeof next === 'number' ? Math.ceil(next) : null,
      reset_schedule: resetSchedule,
    }),
  );
  const rows = await SAVE_ATTEMPTS.execute(db, [JSON.stringify(results), results.map(({ id }) => id)]);
  const saved = new Set(rows.map((row) => row.delivery_id));
  return attempts.map(({ delivery }) => saved.has(delivery.id));
}

/** Releases leases without a result, so that other processes may send these deliveries at once. */
export async function releaseLeases(db: Kysely<Tables>, leased: readonly LeasedDelivery[]): Promise<void> {
  const ids = leased.map(({ id }) => id);
  const tokens = leased.map(({ leaseToken }) => leaseToken);
  await sql`
    update deliveries set lease_token = null, lease_expires_at = null
    where id = any(${ids}::bigint[]) and lease_token = any(${tokens}::uuid[])`.execute(db);
}
