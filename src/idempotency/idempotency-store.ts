import { randomUUID } from 'node:crypto';
import { trailingSingleFlight } from '../async/trailing-single-flight.js';
import type { Database } from '../database/database.js';
import { sha256Key } from '../database/text-columns.js';
import { findExisting, tryAcquire, deleteExpired } from './idempotency-statements.js';

/** Expired keys are swept out after so many new ones; they count for nothing before that, too. */
const CLEANUP_INTERVAL = 1_000;

export interface KeyedRequest {
  caller: string;
  route: string;
  /** The `Idempotency-Key`. */
  key: string;
  /** A digest of the body: the same key with another body is a mistake of the caller. */
  bodyHash: string;
}

/** The right to send what the key stands for: once, and by its holder alone. */
export interface Lease {
  keyHash: string;
  token: string;
}

export interface StoredResponse {
  status: number;
  /** As it was sent. */
  body: string;
}

export type AcquireResult =
  | { state: 'started'; claim: Lease }
  | ({ state: 'replay' } & StoredResponse)
  | { state: 'in-progress' | 'key-reused' | 'outcome-unknown' };

/**
 * What became of a caller's request, for 24 hours after it began. The database's clock is the only one asked.
 * Every method throws StorageUnavailable. After a `begin` that throws, nothing may be sent; the claim may stand in the
 * database nevertheless and then ends as an unknown outcome.
 */
export class IdempotencyStore {
  private readonly deleteExpired: () => Promise<void>;
  private acquiredCount = 0;

  /** @param options.leaseSeconds longer than any call to the vendor takes: after it, the holder is taken for dead */
  constructor(
    private readonly database: Database,
    private readonly options: { leaseSeconds: number },
  ) {
    this.deleteExpired = trailingSingleFlight(() => this.database.run(deleteExpired));
  }

  /**
   * Claims the key, or tells why not. A claim whose lease has run out was held by a process that died (or lost its
   * database) at a moment unknown: from then on the outcome is unknown, even if that process comes back.
   */
  async acquire(request: KeyedRequest): Promise<AcquireResult> {
    const claim = {
      keyHash: sha256Key(request.caller, request.route, request.key),
      token: randomUUID(),
    };
    const begun = await this.database.run(async (db) => {
      for (;;) {
        if (await tryAcquire(db, claim, request.bodyHash, this.options.leaseSeconds)) {
          return { state: 'started', claim } as const;
        }
        const held = await findExisting(db, claim.keyHash, request.bodyHash);
        // Undefined: the holder has just forgotten the key. Then it is free.
        if (held) return held;
      }
    });
    if (begun.state === 'started') this.deleteExpiredPeriodically();
    return begun;
  }

  /** Remembers the answer for repeats. @returns whether the claim still held */
  complete(claim: Lease, answer: StoredResponse): Promise<boolean> {
    return this.update(claim, { state: 'done', response_status: answer.status, response_body: answer.body });
  }

  /** Remembers that nobody knows whether the vendor got it. @returns whether the claim still held */
  markUnknown(claim: Lease): Promise<boolean> {
    return this.update(claim, { state: 'unknown' });
  }

  /** Frees the key, because the request provably never reached the vendor. @returns whether the claim still held */
  async release({ keyHash, token }: Lease): Promise<boolean> {
    const { numDeletedRows } = await this.database.run((db) =>
      db
        .deleteFrom('idempotency_keys')
        .where('key_hash', '=', keyHash)
        .where('claim', '=', token)
        .where('state', '=', 'in-flight')
        .executeTakeFirst(),
    );
    return numDeletedRows === 1n;
  }

  private async update(
    { keyHash, token }: Lease,
    outcome: { state: 'done'; response_status: number; response_body: string } | { state: 'unknown' },
  ): Promise<boolean> {
    const { numUpdatedRows } = await this.database.run((db) =>
      db
        .updateTable('idempotency_keys')
        .set(outcome)
        .where('key_hash', '=', keyHash)
        .where('claim', '=', token)
        .where('state', '=', 'in-flight')
        .executeTakeFirst(),
    );
    return numUpdatedRows === 1n;
  }

  private deleteExpiredPeriodically(): void {
    this.acquiredCount += 1;
    if (this.acquiredCount < CLEANUP_INTERVAL) return;
    this.acquiredCount = 0;
    // Nobody waits for it, and the next one does it over if it fails.
    this.deleteExpired().catch(() => undefined);
  }
}
