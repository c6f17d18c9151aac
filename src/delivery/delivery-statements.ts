import { createHash } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import type { Consumer } from '../config/parsers.js';
import type { Tables } from '../database/tables.js';

/** Held while outbox rows become deliveries. Any number unused in this database. */
const FAN_OUT_LOCK = 7_261_903_443n;

export interface Subscriber {
  readonly name: string;
  readonly ordered: boolean;
  /** Of its URL, which may hold a token. A pause belongs to the URL that said "gone". */
  readonly urlKey: string;
}

export function subscriberOf({ name, url, order_by }: Consumer): Subscriber {
  return {
    name,
    ordered: order_by !== undefined,
    urlKey: createHash('sha256').update(url).digest('base64url'),
  };
}

/** A delivery that this process may send now, and nobody else until the claim lapses. */
export interface Claimed {
  readonly id: string;
  readonly ledgerId: string;
  readonly acceptedAt: Date;
  /** Of the trace that accepted the row, if any. */
  readonly traceParent: string | null;
  readonly claim: string;
  /** Attempts before this one, since the schedule began. */
  readonly tries: number;
  /** How long it has been tried, in milliseconds. */
  readonly sinceMs: number;
}

/** Only so much of a text fits into an index entry; users who share that much wait for each other. */
const ORDERING_KEY = sql`left(l.user_id, 256)`;

const names = (subscribers: readonly Subscriber[]) => subscribers.map(({ name }) => name);

/**
 * Turns up to `limit` outbox rows into one delivery for each subscriber, in the order of their commits. One process at a time:
 * else two of them could make the second event of a user visible before the first.
 * @returns how many rows left the outbox
 */
export async function fanOut(
  db: Kysely<Tables>,
  subscribers: readonly Subscriber[],
  limit: number,
): Promise<number> {
  const { rows } = await sql<{ moved: number }>`
    with turn as materialized (select pg_try_advisory_xact_lock(${sql.lit(FAN_OUT_LOCK)}) as mine),
    oldest as materialized (
      select ledger_id from delivery_outbox where (select mine from turn) order by created_at, ledger_id limit ${limit}
    ),
    moved as (
      delete from delivery_outbox using oldest where delivery_outbox.ledger_id = oldest.ledger_id
      returning delivery_outbox.ledger_id, created_at, trace_parent
    ),
    fresh as (
      insert into deliveries (ledger_id, consumer, ordering_key, accepted_at, trace_parent)
      select l.id, s.name, case when s.ordered then ${ORDERING_KEY} end, moved.created_at, moved.trace_parent
      from moved join ledger l on l.id = moved.ledger_id
      cross join unnest(${names(subscribers)}::text[], ${subscribers.map(({ ordered }) => ordered)}::boolean[]) as s (name, ordered)
      order by moved.created_at, l.id
      on conflict on constraint deliveries_once_per_consumer do nothing
    )
    select count(*)::int as moved from moved`.execute(db);
  return rows[0]?.moved ?? 0;
}

/** Takes up to `limit` deliveries that are due, unless the consumer is paused. Of those that share an ordering key, only the first that is not done. */
export async function claim(
  db: Kysely<Tables>,
  { name, ordered, urlKey }: Subscriber,
  limit: number,
  leaseMs: number,
): Promise<Claimed[]> {
  const inTurn = sql`and not exists (
    select from deliveries earlier
    where earlier.consumer = d.consumer and earlier.ordering_key = d.ordering_key
      and earlier.status = 'pending' and earlier.id < d.id
  )`;
  const { rows } = await sql<ClaimedRow>`
    with due as materialized (
      select d.id from deliveries d
      where d.consumer = ${name} and d.status = 'pending' and d.next_attempt_at <= now()
        and (d.claimed_until is null or d.claimed_until < now())
        and not exists (select from delivery_pauses p where p.consumer = d.consumer and p.url_key = ${urlKey})
        ${ordered ? inTurn : sql``}
      order by d.next_attempt_at, d.id
      limit ${limit}
      for update skip locked
    )
    update deliveries
    set claim = gen_random_uuid(), claimed_until = now() + ${`${Math.ceil(leaseMs)} milliseconds`}::interval
    from due where deliveries.id = due.id
    returning deliveries.id, ledger_id, accepted_at, trace_parent, claim, tries,
      extract(epoch from now() - tried_since)::float8 * 1000 as since_ms`.execute(db);
  return rows.map(({ id, ledger_id, accepted_at, trace_parent, claim: token, tries, since_ms }) => ({
    id: String(id),
    ledgerId: ledger_id,
    acceptedAt: accepted_at,
    traceParent: trace_parent,
    claim: token,
    tries,
    sinceMs: since_ms,
  }));
}

interface ClaimedRow {
  id: string | number;
  ledger_id: string;
  accepted_at: Date;
  trace_parent: string | null;
  claim: string;
  tries: number;
  since_ms: number;
}

export interface Settlement {
  readonly durationMs: number;
  readonly status: number | undefined;
  readonly outcome: string;
  /** `delivered` and `dead` end it; else milliseconds until the next attempt. */
  readonly next: 'delivered' | 'dead' | number;
}

/**
 * Writes down what became of an attempt.
 * @returns whether the claim still held; else somebody else is at it, and this attempt counts for nothing
 */
export async function settle(
  db: Kysely<Tables>,
  { id, claim: token }: Claimed,
  { durationMs, status, outcome, next }: Settlement,
): Promise<boolean> {
  const pending = typeof next === 'number';
  const { rows } = await sql<{ number: number }>`
    with settled as (
      update deliveries
      set status = ${pending ? 'pending' : next}, attempts = attempts + 1, tries = tries + 1, last_status = ${status ?? null}::int,
        next_attempt_at = ${pending ? sql`now() + ${`${Math.ceil(next)} milliseconds`}::interval` : sql`null`},
        ended_at = ${pending ? sql`null` : sql`now()`}, claim = null, claimed_until = null
      where id = ${id}::bigint and claim = ${token}::uuid
      returning id, attempts
    )
    insert into delivery_attempts (delivery_id, number, started_at, duration_ms, status, outcome)
    select id, attempts, now() - ${`${durationMs} milliseconds`}::interval, ${durationMs}::int, ${status ?? null}::int, ${outcome}
    from settled
    returning number`.execute(db);
  return rows.length > 0;
}

/** Nothing goes to a consumer that is gone, until its URL changes or somebody retries or replays. */
export async function pause(db: Kysely<Tables>, { name, urlKey }: Subscriber): Promise<void> {
  await db
    .insertInto('delivery_pauses')
    .values({ consumer: name, url_key: urlKey })
    .onConflict((conflict) => conflict.column('consumer').doUpdateSet({ url_key: urlKey }))
    .execute();
}

/** Gives claims back that nothing has come of: others may send these at once. */
export async function handBack(db: Kysely<Tables>, claims: readonly string[]): Promise<void> {
  await sql`update deliveries set claim = null, claimed_until = null where claim = any(${claims}::uuid[])`.execute(
    db,
  );
}
