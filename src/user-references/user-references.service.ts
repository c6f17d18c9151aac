import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.js';
import { isUniqueViolation } from '../database/storage-error.js';
import { sha256Key, sanitizeText } from '../database/text-columns.js';

/** Users that one process keeps in mind, to spare the database a statement per moment. */
const MAX_CACHED_USERS = 10_000;
const MAX_MINT_ATTEMPTS = 3;

/**
 * Which users have gone to Kiip, and under which reference if not under their own id. Both are written before a request
 * leaves and never change, so what a process remembers of them stays true.
 * Every method throws StorageUnavailable.
 */
@Injectable()
export class UserReferencesService {
  /** User key to reference; '' where none was needed. */
  private readonly cache = new Map<string, string>();

  constructor(private readonly database: Database) {}

  /** Notes that a user's id goes to Kiip. */
  async register(userId: string): Promise<void> {
    const key = sha256Key(userId);
    if (this.cache.has(key)) return;
    await this.database.run((db) =>
      db
        .insertInto('kiip_user_references')
        .values({ user_id_hash: key, user_id: sanitizeText(userId), reference: null })
        .onConflict((conflict) => conflict.doNothing())
        .execute(),
    );
    this.addToCache(key, '');
  }

  /** Those of the candidates that have gone to Kiip. */
  async filterRegistered(candidates: string[]): Promise<Set<string>> {
    const byKey = new Map(candidates.map((candidate) => [sha256Key(candidate), candidate]));
    const keys = [...byKey.keys()];
    const rows = await this.database.run((db) =>
      db
        .selectFrom('kiip_user_references')
        .select('user_id_hash')
        .where((eb) => eb('user_id_hash', '=', eb.fn.any(eb.val(keys))))
        .execute(),
    );
    return new Set(rows.flatMap(({ user_id_hash }) => byKey.get(user_id_hash) ?? []));
  }

  /**
   * The reference that stands for a user, the same for ever: the first that any process minted.
   * @param mint draws a new reference, practically never the same twice
   */
  async getReference(userId: string, mint: () => string): Promise<string> {
    const key = sha256Key(userId);
    const inMind = this.cache.get(key);
    if (inMind) return inMind;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const reference = await this.storeReference(key, userId, mint());
        this.addToCache(key, reference);
        return reference;
      } catch (error) {
        if (attempt === MAX_MINT_ATTEMPTS || !isUniqueViolation(error)) throw error;
      }
    }
  }

  /** Whom a reference stands for. */
  async resolve(reference: string): Promise<string | undefined> {
    const row = await this.database.run((db) =>
      db
        .selectFrom('kiip_user_references')
        .select('user_id')
        .where('reference', '=', sanitizeText(reference))
        .executeTakeFirst(),
    );
    return row?.user_id;
  }

  private async storeReference(key: string, userId: string, minted: string): Promise<string> {
    const row = await this.database.run((db) =>
      db
        .insertInto('kiip_user_references')
        .values({ user_id_hash: key, user_id: sanitizeText(userId), reference: minted })
        .onConflict((conflict) =>
          conflict.column('user_id_hash').doUpdateSet((eb) => ({
            reference: eb.fn.coalesce('kiip_user_references.reference', 'excluded.reference'),
          })),
        )
        .returning('reference')
        .executeTakeFirstOrThrow(),
    );
    return row.reference ?? minted;
  }

  private addToCache(key: string, reference: string): void {
    if (this.cache.size >= MAX_CACHED_USERS) this.cache.clear();
    this.cache.set(key, reference);
  }
}
