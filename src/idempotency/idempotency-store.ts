import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { trailingSingleFlight } from '../async/trailing-single-flight.js';
import { Config } from '../config/config.js';
import { Database } from '../database/database.js';
import { PreparedStatement } from '../database/prepared-statement.js';
import { StorageUnavailableError } from '../database/storage-error.js';
import type { Tables } from '../database/tables.js';
import { sha256Key } from '../database/text-columns.js';
import { deleteExpiredKeys } from './expired-keys.queries.js';

const RETENTION_SECONDS = 24 * 60 * 60;
const LEASE_MARGIN_MS = 1_000;
/** A holder may release the key between our two statements; more than a few times in a row is not to be expected. */
const MAX_ACQUIRE_ATTEMPTS = 5;
/** Expired keys are deleted after so many new ones. They have no effect before that, either. */
const CLEANUP_INTERVAL = 1_000;
const MAX_DELETED_KEYS = 10_000;

export interface KeyedRequest {
  caller: string;
  route: string;
  /** The `Idempotency-Key`. */
  key: string;
  /** A hash of the body: the same key with another body is a mistake of the caller. */
  bodyHash: string;
}

/** The right to send the request of a key, once. */
export interface Lease {
  keyHash: string;
  token: string;
}

export interface StoredResponse {
  status: number;
  /** The exact text that was sent. */
  body: string;
}

export type AcquireResult =
  | { state: 'started'; lease: Lease }
  | ({ state: 'replay' } & StoredResponse)
  | { state: 'in-flight' | 'key-reused' | 'outcome-unknown' };

/**
 * The outcome of each keyed request, for 24 hours after it began. All times are by the clock of the database.
 * Every method throws StorageUnavailableError. After an `acquire` that throws, nothing may be sent; the database may hold
 * the lease nevertheless, and the outcome is then unknown after it expires.
 */
@Injectable()
export class IdempotencyStore {
  private readonly leaseSeconds: number;
  private readonly deleteExpired: () => Promise<void>;
  private acquiredCount = 0;

  constructor(
    private readonly database: Database,
    { upstreamDeadlineMs, databaseTimeoutMs }: Config,
  ) {
    // A lease outlasts the call to Kiip and the three statements around it.
    this.leaseSeconds = (upstreamDeadlineMs + 3 * databaseTimeoutMs + LEASE_MARGIN_MS) / 1_000;
    this.deleteExpired = trailingSingleFlight(async () => {
      await database.run((db) => deleteExpiredKeys(db, MAX_DELETED_KEYS), 'workers');
    });
  }

  /**
   * Acquires the lease of a key, or says why not. A lease that has expired belonged to a process that died, or lost its
   * database, at an unknown moment: from then on the outcome is unknown, even if that process continues.
   */
  async acquire(request: KeyedRequest): Promise<AcquireResult> {
    const lease = {
      keyHash: sha256Key(request.caller, request.route, request.key),
      token: randomUUID(),
    };
    const result = await this.database.run((db, signal) => this.acquireOrFind(db, signal, lease, request));
    // Thrown here and not inside `run`, which would report the database as unavailable.
    if (!result) throw new StorageUnavailableError('idempotency key contended');
    if (result.state === 'started') this.deleteExpiredPeriodically();
    return result;
  }

  /** Stores the response for repeats. @returns whether the lease was still held */
  complete(lease: Lease, response: StoredResponse): Promise<boolean> {
    return this.end(lease, 'done', response);
  }

  /** Stores that Kiip may have received the request. @returns whether the lease was still held */
  markUnknown(lease: Lease): Promise<boolean> {
    return this.end(lease, 'unknown');
  }

  /** Deletes the key, because the request provably never reached Kiip. @returns whether the lease was still held */
  async release({ keyHash, token }: Lease): Promise<boolean> {
    const { numDeletedRows } = await this.database.run((db) =>
      db
        .deleteFrom('idempotency_keys')
        .where('key_hash', '=', keyHash)
        .where('lease_token', '=', token)
        .where('state', '=', 'in-flight')
        .executeTakeFirst(),
    );
    return numDeletedRows === 1n;
  }

  /**
   * @param signal aborts when the caller has been answered 503: no statement starts after that
   * @returns undefined when the key was released again and again meanwhile
   */
  private async acquireOrFind(
    db: Kysely<Tables>,
    signal: AbortSignal,
    lease: Lease,
    { bodyHash }: KeyedRequest,
  ): Promise<AcquireResult | undefined> {
    for (let attempt = 1; attempt <= MAX_ACQUIRE_ATTEMPTS; attempt += 1) {
      signal.throwIfAborted();
      if (await tryAcquire(db, lease, bodyHash, this.leaseSeconds)) return { state: 'started', lease };
      signal.throwIfAborted();
      const existing = await findExisting(db, lease.keyHash, bodyHash, this.leaseSeconds);
      // Undefined: the key has been released since the first statement, and is free.
      if (existing) return existing;
    }
    return undefined;
  }

  private async end(
    { keyHash, token }: Lease,
    state: 'done' | 'unknown',
    response?: StoredResponse,
  ): Promise<boolean> {
    const { status = null, body = null } = response ?? {};
    const ended = await this.database.run((db) => END.execute(db, [keyHash, token, state, status, body]));
    return ended.length > 0;
  }

  private deleteExpiredPeriodically(): void {
    this.acquiredCount += 1;
    if (this.acquiredCount < CLEANUP_INTERVAL) return;
    this.acquiredCount = 0;
    // Runs in the background. If it fails, the next clean-up deletes the keys.
    this.deleteExpired().catch(() => undefined);
  }
}

/** The parameters are the key, the token, the body, and for how many seconds the lease and the key last. */
const ACQUIRE = new PreparedStatement<{ key_hash: string }>(
  'acquire_key',
  `
  insert into idempotency_keys (key_hash, lease_token, state, body_hash, lease_expires_at, expires_at)
  values ($1, $2, 'in-flight', $3, now() + make_interval(secs => $4::float8), now() + make_interval(secs => $5::float8))
  on conflict (key_hash) do update
  set lease_token = excluded.lease_token, state = excluded.state, body_hash = excluded.body_hash, response_status = null,
    response_body = null, lease_expires_at = excluded.lease_expires_at, expires_at = excluded.expires_at
  where idempotency_keys.expires_at <= now()
  returning key_hash`,
);

/** Acquires a key that is free or expired. @returns whether it was */
async function tryAcquire(
  db: Kysely<Tables>,
  lease: Lease,
  bodyHash: string,
  leaseSeconds: number,
): Promise<boolean> {
  const { keyHash, token } = lease;
  const acquired = await ACQUIRE.execute(db, [keyHash, token, bodyHash, leaseSeconds, RETENTION_SECONDS]);
  return acquired.length > 0;
}

/** The parameters are the key, the token, the state, and the status and the body of the response. */
const END = new PreparedStatement<{ key_hash: string }>(
  'end_key',
  `
  update idempotency_keys set state = $3, response_status = $4, response_body = $5
  where key_hash = $1 and lease_token = $2 and state = 'in-flight'
  returning key_hash`,
);

/** Reads the state of a key, after marking an expired lease. @returns undefined when the key is free */
async function findExisting(
  db: Kysely<Tables>,
  keyHash: string,
  bodyHash: string,
  leaseSeconds: number,
): Promise<AcquireResult | undefined> {
  // A lease that ends later than any may was made before the clock of the server was put back: its holder is long gone.
  const longestLease = sql`make_interval(secs => ${2 * leaseSeconds}::float8)`;
  await db
    .updateTable('idempotency_keys')
    .set({ state: 'unknown' })
    .where('key_hash', '=', keyHash)
    .where('state', '=', 'in-flight')
    .where(sql<boolean>`lease_expires_at not between now() and now() + ${longestLease}`)
    .execute();
  const existing = await db
    .selectFrom('idempotency_keys')
    .select(['state', 'body_hash', 'response_status', 'response_body'])
    .where('key_hash', '=', keyHash)
    .executeTakeFirst();
  if (!existing) return undefined;
  if (existing.body_hash !== bodyHash) return { state: 'key-reused' };
  if (existing.state === 'unknown') return { state: 'outcome-unknown' };
  const { response_status: status, response_body: body } = existing;
  if (status === null || body === null) return { state: 'in-flight' };
  return { state: 'replay', status, body };
}
