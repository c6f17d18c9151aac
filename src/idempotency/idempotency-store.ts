import { randomUUID } from 'node:crypto';
import { trailingSingleFlight } from '../async/trailing-single-flight.js';
import type { Database } from '../database/database.js';
import { fingerprint } from '../database/text-columns.js';
import { look, start, sweep } from './idempotency-statements.js';

/** Expired keys are swept out after so many new ones; they count for nothing before that, too. */
const SWEEP_EVERY = 1_000;

export interface KeyedRequest {
  caller: string;
  route: string;
  /** The `Idempotency-Key`. */
  key: string;
  /** A digest of the body: the same key with another body is a mistake of the caller. */
  bodyHash: string;
}

/** The right to send what the key stands for: once, and by its holder alone. */
export interface Claim {
  keyHash: string;
  token: string;
}

export interface Answer {
  status: number;
  /** As it was sent. */
  body: string;
}

export type Begun =
  | { state: 'started'; claim: Claim }
  | ({ state: 'replay' } & Answer)
  | { state: 'in-progress' | 'key-reused' | 'outcome-unknown' };

/**
 * What became of a caller's request, for 24 hours after it began. The database's clock is the only one asked.
 * Every method throws StorageUnavailable. After a `begin` that throws, nothing may be sent; the claim may stand in the
 * database nevertheless and then ends as an unknown outcome.
 */
export class IdempotencyKeys {
  private readonly sweep: () => Promise<void>;
  private begun = 0;

  /** @param options.leaseSeconds longer than any call to the vendor takes: after it, the holder is taken for dead */
  constructor(
    private readonly database: Database,
    private readonly options: { leaseSeconds: number },
  ) {
    this.sweep = trailingSingleFlight(() => this.database.run(sweep));
  }

  /**
   * Claims the key, or tells why not. A claim whose lease has run out was held by a process that died (or lost its
   * database) at a moment unknown: from then on the outcome is unknown, even if that process comes back.
   */
  async begin(request: KeyedRequest): Promise<Begun> {
    const claim = {
      keyHash: fingerprint(request.caller, request.route, request.key),
      token: randomUUID(),
    };
    const begun = await this.database.run(async (db) => {
      for (;;) {
        if (await start(db, claim, request.bodyHash, this.options.leaseSeconds)) {
          return { state: 'started', claim } as const;
        }
        const held = await look(db, claim.keyHash, request.bodyHash);
        // Undefined: the holder has just forgotten the key. Then it is free.
        if (held) return held;
      }
    });
    if (begun.state === 'started') this.sweepNowAndThen();
    return begun;
  }

  /** Remembers the answer for repeats. @returns whether the claim still held */
  finish(claim: Claim, answer: Answer): Promise<boolean> {
    return this.settle(claim, { state: 'done', response_status: answer.status, response_body: answer.body });
  }

  /** Remembers that nobody knows whether the vendor got it. @returns whether the claim still held */
  markUnknown(claim: Claim): Promise<boolean> {
    return this.settle(claim, { state: 'unknown' });
  }

  /** Frees the key, because the request provably never reached the vendor. @returns whether the claim still held */
  async forget({ keyHash, token }: Claim): Promise<boolean> {
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

  private async settle(
    { keyHash, token }: Claim,
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

  private sweepNowAndThen(): void {
    this.begun += 1;
    if (this.begun < SWEEP_EVERY) return;
    this.begun = 0;
    // Nobody waits for it, and the next one does it over if it fails.
    this.sweep().catch(() => undefined);
  }
}
