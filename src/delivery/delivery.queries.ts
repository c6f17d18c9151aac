import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { Consumer } from '../config/parsers.js';
import type { Tables } from '../database/tables.js';

/** Held while deliveries are made. Any number unused in this database. */
const DELIVERIES_LOCK = 7_261_903_443n;

/** Whether it is this statement's turn to make deliveries: one process at a time. */
export const tryLock = sql`turn as materialized (select pg_try_advisory_xact_lock(${sql.lit(DELIVERIES_LOCK)}) as mine)`;

export interface Subscriber {
  readonly name: string;
  readonly ordered: boolean;
  /** Of its URL, which may hold a token. A pause belongs to the URL that said "gone". */
  readonly urlHash: string;
}

export function subscriberOf({ name, url, order_by }: Consumer): Subscriber {
  return {
    name,
    ordered: order_by !== undefined,
    urlHash: createHash('sha256').update(url).digest('base64url'),
  };
}

/** A delivery that this process may send now, and nobody else until the claim lapses. */
export interface LeasedDelivery {
  readonly id: string;
  readonly ledgerId: string;
  readonly acceptedAt: Date;
  /** The database's time, by which deliveries are signed: clocks of replicas may be wrong. */
  readonly claimedAt: Date;
  /** Of the trace that accepted the row, if any. */
  readonly traceParent: string | null;
  readonly claim: string;
  /** Attempts before this one, since the schedule began. */
  readonly tries: number;
  /** Since its first attempt, in milliseconds; 0 before it. */
  readonly sinceMs: number;
}

/** Only so much of a text fits into an index entry; users who share that much wait for each other. */
export const orderingKey = sql`left(l.user_id, 256)`;

/**
 * When a new delivery is due: now, or behind one of the same user a little later, for it becomes due when that one ends. `d` has
 * the consumer, the ordering key and the `place` among those that are made together.
 */
export const firstAttemptAt = sql`case
  when d.ordering_key is not null and (d.place > 1 or exists (
    select from deliveries earlier
    where earlier.consumer = d.consumer and earlier.ordering_key = d.ordering_key and earlier.status = 'pending'))
  then now() + interval '1 minute' else now() end`;

const names = (subscribers: readonly Subscriber[]) => subscribers.map(({ name }) => name);

/**
 * Turns up to `limit` outbox rows into one delivery for each subscriber, oldest first.
 * @returns how many rows left the outbox
 */
export async function fanOutOutbox(
  db: Kysely<Tables>,
  subscribers: readonly Subscriber[],
  limit: number,
): Promise<number> {
  const { rows } = await sql<{ moved: number }>`
    with ${tryLock},
    oldest as materialized (
      select ledger_id from delivery_outbox where (select mine from turn) order by created_at, ledger_id limit ${limit}
    ),
    moved as (
      delete from delivery_outbox using oldest where delivery_outbox.ledger_id = oldest.ledger_id
      returning delivery_outbox.ledger_id, created_at, trace_parent
    ),
    d as (
      select keyed.*, row_number() over (partition by consumer, ordering_key order by created_at, ledger_id) as place
      from (
        select moved.*, s.name as consumer, case when s.ordered then ${orderingKey} end as ordering_key
        from moved join ledger l on l.id = moved.ledger_id
        cross join unnest(${names(subscribers)}::text[], ${subscribers.map(({ ordered }) => ordered)}::boolean[]) as s (name, ordered)
      ) keyed
    ),
    fresh as (
      insert into deliveries (ledger_id, consumer, ordering_key, accepted_at, trace_parent, next_attempt_at)
      select ledger_id, consumer, ordering_key, created_at, trace_parent, ${firstAttemptAt}
      from d order by created_at, ledger_id
      on conflict on constraint deliveries_once_per_consumer do nothing
    )
    select count(*)::int as moved from moved`.execute(db);
  return rows[0]?.moved ?? 0;
}

/** Takes up to `limit` deliveries that are due, unless the consumer is paused. Of one user's, only the first that is not done. */
export async function acquireLeases(
  db: Kysely<Tables>,
  { name, urlHash }: Subscriber,
  limit: number,
  leaseMs: number,
): Promise<LeasedDelivery[]> {
  // Conditions are written so that the index on what is due serves, whatever the backlog: it is read in its order.
  const { rows } = await sql<LeasedDeliveryRow>`
    with due as materialized (
      select d.id from deliveries d
      where d.consumer = ${name} and d.status = 'pending' and d.next_attempt_at <= now()
        and (d.lease_expires_at is null or d.lease_expires_at < now())
        and not exists (select from delivery_pauses p where p.consumer = ${name} and p.url_hash = ${urlHash})
        and (d.ordering_key is null or d.id = (
          select min(first.id) from deliveries first
          where first.consumer = ${name} and first.ordering_key = d.ordering_key and first.status = 'pending'
        ))
      order by d.next_attempt_at, d.id
      limit ${limit}
      for update skip locked
    )
    update deliveries
    set claim = gen_random_uuid(), lease_expires_at = now() + ${`${Math.ceil(leaseMs)} milliseconds`}::interval
    from due where deliveries.id = due.id
    returning deliveries.id, ledger_id, accepted_at, now() as claimed_at, trace_parent, claim, tries,
      coalesce(extract(epoch from now() - schedule_started_at), 0)::float8 * 1000 as since_ms`.execute(db);
  return rows.map(
    ({ id, ledger_id, accepted_at, claimed_at, trace_parent, claim: token, tries, since_ms }) => ({
      id: String(id),
      ledgerId: ledger_id,
      acceptedAt: accepted_at,
      claimedAt: claimed_at,
      traceParent: trace_parent,
      claim: token,
      tries,
      sinceMs: since_ms,
    }),
  );
}

interface LeasedDeliveryRow {
  id: string | number;
  ledger_id: string;
  accepted_at: Date;
  claimed_at: Date;
  trace_parent: string | null;
  claim: string;
  tries: number;
  since_ms: number;
}

export interface AttemptResult {
  readonly durationMs: number;
  readonly status: number | undefined;
  readonly outcome: string;
  /** `delivered` and `dead` end it; else milliseconds until the next attempt. */
  readonly next: 'delivered' | 'dead' | number;
  /** The attempt counts for nothing: the schedule begins with the next one. */
  readonly resetSchedule: boolean;
}

/** Followers of one user that wait with the first; more than these are only looked at in vain. */
const MAX_FOLLOWERS_UPDATED = 1_000;

/**
 * Writes down what became of an attempt. Of one user's deliveries, the next is due when this one has ended, and else waits with it.
 * @returns whether the claim still held; else somebody else is at it, and this attempt counts for nothing
 */
export async function saveAttempt(
  db: Kysely<Tables>,
  { id, claim: token }: LeasedDelivery,
  { durationMs, status, outcome, next, resetSchedule: startsOver }: AttemptResult,
): Promise<boolean> {
  const pending = typeof next === 'number';
  const begun = sql`now() - ${`${durationMs} milliseconds`}::interval`;
  const { rows } = await sql<{ number: number }>`
    with settled as (
      update deliveries
      set status = ${pending ? 'pending' : next}, attempts = attempts + 1, last_status = ${status ?? null}::int,
        tries = ${startsOver ? sql`0` : sql`tries + 1`},
        schedule_started_at = ${startsOver ? sql`null` : sql`coalesce(schedule_started_at, ${begun})`},
        next_attempt_at = ${pending ? sql`now() + ${`${Math.ceil(next)} milliseconds`}::interval` : sql`null`},
        ended_at = ${pending ? sql`null` : sql`now()`}, claim = null, lease_expires_at = null
      where id = ${id}::bigint and claim = ${token}::uuid
      returning *
    ),
    followers as (
      update deliveries
      set next_attempt_at = coalesce(settled.next_attempt_at, now())
      from settled
      where deliveries.id in (
        select f.id from deliveries f, settled
        where f.consumer = settled.consumer and f.ordering_key = settled.ordering_key and f.status = 'pending' and f.id > settled.id
        order by f.id limit ${pending ? MAX_FOLLOWERS_UPDATED : 1}
      ) and deliveries.status = 'pending'
    )
    insert into delivery_attempts (delivery_id, number, started_at, duration_ms, status, outcome)
    select id, attempts, ${begun}, ${durationMs}::int, ${status ?? null}::int, ${outcome}
    from settled
    returning number`.execute(db);
  return rows.length > 0;
}

/** Nothing goes to a consumer that is gone, until its URL changes or somebody retries or replays. */
export async function pauseConsumer(db: Kysely<Tables>, { name, urlHash }: Subscriber): Promise<void> {
  await db
    .insertInto('delivery_pauses')
    .values({ consumer: name, url_hash: urlHash })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Gives claims back that nothing has come of: others may send these at once. */
export async function releaseLeases(db: Kysely<Tables>, claimed: readonly LeasedDelivery[]): Promise<void> {
  await sql`
    update deliveries set claim = null, lease_expires_at = null
    where id = any(${claimed.map(({ id }) => id)}::bigint[]) and claim = any(${claimed.map(({ claim: token }) => token)}::uuid[])`.execute(
    db,
  );
}
