import { createHash } from 'node:crypto';
import type { Consumer } from '../config/parsers.js';
import type { Database } from '../database/database.js';

/**
 * Consumers that answered "gone" (410): nothing is sent until their URL changes, or somebody retries a delivery or starts a
 * replay for them. Every method throws StorageUnavailable.
 */
export class Pauses {
  constructor(private readonly database: Database) {}

  async has({ name, url }: Consumer): Promise<boolean> {
    const row = await this.database.run((db) =>
      db
        .selectFrom('delivery_pauses')
        .select('consumer')
        .where('consumer', '=', name)
        .where('url_key', '=', keyOf(url))
        .executeTakeFirst(),
    );
    return row !== undefined;
  }

  async begin({ name, url }: Consumer): Promise<void> {
    await this.database.run((db) =>
      db
        .insertInto('delivery_pauses')
        .values({ consumer: name, url_key: keyOf(url) })
        .onConflict((conflict) => conflict.column('consumer').doUpdateSet({ url_key: keyOf(url) }))
        .execute(),
    );
  }

  async end(consumer: string): Promise<void> {
    await this.database.run((db) =>
      db.deleteFrom('delivery_pauses').where('consumer', '=', consumer).execute(),
    );
  }
}

/** A URL may hold a token in its path or query. */
function keyOf(url: string): string {
  return createHash('sha256').update(url).digest('base64url');
}
