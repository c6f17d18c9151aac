import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import type { BeforeApplicationShutdown } from '@nestjs/common';
import { BulkheadRejectedError, bulkhead } from 'cockatiel';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { Database } from '../database/database.js';
import type { Tables } from '../database/tables.js';
import { sha256Key, sanitizeText } from '../database/text-columns.js';
import { summarizeError } from '../log/error-summary.js';
import { rateLimited } from '../problem/problem-catalogue.js';
import { toCallbackMedia } from './parse-callback.js';
import type { CallbackMedia } from './parse-callback.js';
import type { UnverifiedCallback } from './verified-callback.js';

const PAGE_SIZE = 100;

export interface RejectedCallback extends UnverifiedCallback {
  readonly id: string;
}

interface NewRejectedCallback extends UnverifiedCallback {
  /** The client network that it came from. */
  source: string;
  /** It is a whole callback of a user who went to Kiip: others cannot push it out. */
  isProtected: () => boolean | Promise<boolean>;
}

/** The header of a request may be long, and anybody can vary it. */
const CONTENT_TYPES: Record<CallbackMedia, string> = {
  json: 'application/json',
  form: 'application/x-www-form-urlencoded',
};

/** Anybody can cause this work: it gets few connections, and a short queue. */
const MAX_CONCURRENT = 2;
const MAX_QUEUED = 200;
const RETRY_AFTER_SECONDS = 1;
const PRUNE_INTERVAL_MS = 1_000;

export interface RetentionOptions {
  /** Of the protected callbacks, and of the others. If there are more, the oldest of the source that has most are deleted. */
  maxCount: number;
  maxAgeSeconds: number;
}

/**
 * Stores callbacks with a wrong signature. If the gateway was configured with a wrong secret, they can be verified
 * again later. Anybody can send such callbacks, so the same body is stored once, a source that sends many pushes out its own, and
 * callbacks of users who went to Kiip are kept apart. Every method throws StorageUnavailableError.
 */
@Injectable()
export class RejectedCallbacksService implements BeforeApplicationShutdown {
  private readonly logger = new Logger('RejectedCallbacks');
  private pruning: Promise<void> | undefined;
  /** Saved since the last time that those beyond the limits were deleted. */
  private unpruned = 0;
  private readonly limiter = bulkhead(MAX_CONCURRENT, MAX_QUEUED);
  /** What is deleted belongs to many requests: none of them is named in the log. */
  private readonly inNoRequest = AsyncLocalStorage.snapshot();
  private readonly stopping = new AbortController();

  constructor(
    private readonly database: Database,
    private readonly options: RetentionOptions,
  ) {}

  /** @throws Problem `rate-limited`, when too many are being stored */
  async save(callback: NewRejectedCallback): Promise<void> {
    try {
      await this.limiter.execute(async () => {
        // They come faster than they can be deleted.
        if (this.unpruned > this.options.maxCount) await this.pruning;
        await this.insert(callback);
      });
    } catch (error) {
      throw error instanceof BulkheadRejectedError ? rateLimited(RETRY_AFTER_SECONDS) : error;
    }
    this.unpruned += 1;
    this.schedulePruning();
  }

  /** Resolves when nothing is being deleted any more. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.pruning;
  }

  /** In the background: it reads all that is kept. If it fails, the next rejected callback causes another try. */
  private schedulePruning(): void {
    this.pruning ??= this.inNoRequest(() => this.pruneSoon());
  }

  private async pruneSoon(): Promise<void> {
    const { signal } = this.stopping;
    await sleep(PRUNE_INTERVAL_MS, undefined, { ref: false, signal }).catch(() => undefined);
    const isDone = !signal.aborted && (await this.pruneNow());
    this.pruning = undefined;
    // Those that were stored meanwhile may have been too late for it.
    if (isDone && this.unpruned > 0) this.schedulePruning();
  }

  /** @returns whether it has been done */
  private async pruneNow(): Promise<boolean> {
    const stored = this.unpruned;
    try {
      await this.database.run((db) => prune(db, this.options, new Date()), 'workers');
      this.unpruned -= stored;
      return true;
    } catch (error) {
      this.logger.warn({ msg: 'failed to delete old rejected callbacks', ...summarizeError(error) });
      return false;
    }
  }

  private async insert({ body, media, receivedAt, source, isProtected }: NewRejectedCallback): Promise<void> {
    const is_protected = await isProtected();
    await this.database.run(
      (db) =>
        db
          .insertInto('rejected_callbacks')
          .values({
            body_hash: sha256Key(Buffer.from(body).toString('latin1')),
            body,
            content_type: CONTENT_TYPES[media],
            received_at: receivedAt,
            source: sanitizeText(source),
            is_protected,
          })
          .onConflict((conflict) => conflict.doNothing())
          .execute(),
      'workers',
    );
  }

  /** All stored callbacks, oldest first. Callbacks may be removed and added during the iteration. */
  async *all(): AsyncGenerator<RejectedCallback> {
    for (let after = '0'; ;) {
      const rows = await this.database.run((db) => page(db, after));
      for (const { id, body, content_type, received_at } of rows) {
        after = id;
        yield { id: after, body, media: toCallbackMedia(content_type), receivedAt: received_at };
      }
      if (rows.length < PAGE_SIZE) return;
    }
  }

  async remove(id: string): Promise<void> {
    await this.database.run((db) =>
      db
        .deleteFrom('rejected_callbacks')
        .where(sql<boolean>`id = ${id}::bigint`)
        .execute(),
    );
  }
}

function page(db: Kysely<Tables>, after: string) {
  return db
    .selectFrom('rejected_callbacks')
    .select(['id', 'body', 'content_type', 'received_at'])
    .where(sql<boolean>`id > ${after}::bigint`)
    .orderBy('id')
    .limit(PAGE_SIZE)
    .execute();
}

/**
 * Deletes what is too old, and the oldest of the source that has most while there are too many. Skips the rows that another process is
 * deleting: two processes that wait for each other could deadlock.
 */
async function prune(db: Kysely<Tables>, { maxCount, maxAgeSeconds }: RetentionOptions, now: Date) {
  const oldest = new Date(now.getTime() - maxAgeSeconds * 1_000);
  await db
    .deleteFrom('rejected_callbacks')
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('rejected_callbacks')
        .select('id')
        .where('received_at', '<', oldest)
        .forUpdate()
        .skipLocked(),
    )
    .execute();
  for (const isProtected of [true, false])
    // The deepest row of all is the oldest one of the source that has most.
    await sql`
      with deepest as (
        select id from (
          select id, row_number() over (partition by source order by id desc) as depth
          from rejected_callbacks where is_protected = ${isProtected}
        ) as ranked
        order by depth desc, id
        limit (select greatest(0, count(*) - ${maxCount}::bigint) from rejected_callbacks where is_protected = ${isProtected})
      )
      delete from rejected_callbacks where id in (
        select id from rejected_callbacks where id in (select id from deepest) for update skip locked
      )`.execute(db);
}
