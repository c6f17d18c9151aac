import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { Tables } from '../database/tables.js';
import type { AcquireResult, Lease } from './idempotency-store.js';

const RETENTION_SECONDS = 24 * 60 * 60;
const MAX_DELETED_KEYS = 10_000;

/** Takes a key that is free or expired. @returns whether it was */
export async function tryAcquire(
  db: Kysely<Tables>,
  claim: Lease,
  bodyHash: string,
  leaseSeconds: number,
): Promise<boolean> {
  const started = await db
    .insertInto('idempotency_keys')
    .values({
      key_hash: claim.keyHash,
      claim: claim.token,
      state: 'in-flight',
      body_hash: bodyHash,
      response_status: null,
      response_body: null,
      lease_expires_at: sql`now() + make_interval(secs => ${leaseSeconds}::float8)`,
      expires_at: sql`now() + make_interval(secs => ${RETENTION_SECONDS}::float8)`,
    })
    .onConflict((conflict) =>
      conflict
        .column('key_hash')
        .doUpdateSet((eb) => ({
          claim: eb.ref('excluded.claim'),
          state: eb.ref('excluded.state'),
          body_hash: eb.ref('excluded.body_hash'),
          response_status: eb.ref('excluded.response_status'),
          response_body: eb.ref('excluded.response_body'),
          lease_expires_at: eb.ref('excluded.lease_expires_at'),
          expires_at: eb.ref('excluded.expires_at'),
        }))
        .where(sql<boolean>`idempotency_keys.expires_at <= now()`),
    )
    .returning('key_hash')
    .executeTakeFirst();
  return started !== undefined;
}

/** What is known of a key that is taken. @returns undefined when it is not, any more */
export async function findExisting(
  db: Kysely<Tables>,
  keyHash: string,
  bodyHash: string,
): Promise<AcquireResult | undefined> {
  await db
    .updateTable('idempotency_keys')
    .set({ state: 'unknown' })
    .where('key_hash', '=', keyHash)
    .where('state', '=', 'in-flight')
    .where(sql<boolean>`lease_expires_at <= now()`)
    .execute();
  const held = await db
    .selectFrom('idempotency_keys')
    .select(['state', 'body_hash', 'response_status', 'response_body'])
    .where('key_hash', '=', keyHash)
    .executeTakeFirst();
  if (!held) return undefined;
  if (held.body_hash !== bodyHash) return { state: 'key-reused' };
  if (held.state === 'unknown') return { state: 'outcome-unknown' };
  if (held.response_status === null || held.response_body === null) return { state: 'in-progress' };
  return { state: 'replay', status: held.response_status, body: held.response_body };
}

export async function deleteExpired(db: Kysely<Tables>): Promise<void> {
  await sql`
    delete from idempotency_keys where key_hash in (
      select key_hash from idempotency_keys where expires_at <= now()
      limit ${sql.lit(MAX_DELETED_KEYS)} for update skip locked
    )`.execute(db);
}
