import { Injectable, Optional } from '@nestjs/common';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { trailingSingleFlight } from '../async/trailing-single-flight.js';
import { Database } from '../database/database.js';
import type { Tables } from '../database/tables.js';
import { sha256Key, sanitizeText } from '../database/text-columns.js';

const PAGE_SIZE = 100;

export interface RejectedCallback {
  id: string;
  /** The bytes as received. */
  body: Uint8Array;
  contentType: string;
  receivedAt: Date;
}

/** 30 days, and at most 160 MiB, since a body has at most 16 KiB. */
const DEFAULT_RETENTION: RetentionOptions = {
  maxCount: 10_000,
  maxAgeSeconds: 30 * 86_400,
};

export interface RetentionOptions {
  /** If there are more, the oldest are deleted. */
  maxCount: number;
  maxAgeSeconds: number;
}

/**
 * Stores callbacks with a wrong signature. If the gateway was configured with a wrong secret, they can be verified
 * again later. Anybody can send such callbacks, so the same body is stored once, and the oldest are deleted.
 * Every method throws StorageUnavailableError.
 */
@Injectable()
export class RejectedCallbacksService {
  private readonly prune: () => Promise<void>;

  constructor(
    private readonly database: Database,
    @Optional() private readonly options: RetentionOptions = DEFAULT_RETENTION,
  ) {
    this.prune = trailingSingleFlight(() => this.database.run((db) => prune(db, this.options, new Date())));
  }

  async save({ body, contentType, receivedAt }: Omit<RejectedCallback, 'id'>): Promise<void> {
    await this.database.run((db) =>
      db
        .insertInto('rejected_callbacks')
        .values({
          body_hash: sha256Key(contentType, Buffer.from(body).toString('latin1')),
          body,
          content_type: sanitizeText(contentType),
          received_at: receivedAt,
        })
        .onConflict((conflict) => conflict.doNothing())
        .execute(),
    );
    await this.prune();
  }

  /** All stored callbacks, oldest first. Callbacks may be removed and added during the iteration. */
  async *all(): AsyncGenerator<RejectedCallback> {
    for (let after = '0'; ;) {
      const rows = await this.database.run((db) => page(db, after));
      for (const { id, body, content_type, received_at } of rows) {
        after = id;
        yield { id: after, body, contentType: content_type, receivedAt: received_at };
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

/** Skips the rows that another process is deleting: two processes that wait for each other could deadlock. */
async function prune(db: Kysely<Tables>, { maxCount, maxAgeSeconds }: RetentionOptions, now: Date) {
  const oldest = new Date(now.getTime() - maxAgeSeconds * 1_000);
  await sql`
    delete from rejected_callbacks where id in (
      select id from rejected_callbacks
      where received_at < ${oldest}
        or id <= (select id from rejected_callbacks order by id desc offset ${maxCount}::bigint limit 1)
      for update skip locked
    )`.execute(db);
}
