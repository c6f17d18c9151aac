import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.js';
import { PreparedStatement } from '../database/prepared-statement.js';
import { isUniqueViolation } from '../database/storage-error.js';
import { sha256Key, sanitizeText } from '../database/text-columns.js';
import { isUserReference } from './user-reference.js';

/** The users that one process caches, to save a database statement per moment. */
const MAX_CACHED_USERS = 10_000;
/** A user that another process has erased is stored again after this time, with a new reference. */
const MAX_CACHE_AGE_MS = 60_000;
const MAX_MINT_ATTEMPTS = 3;

const REGISTER = new PreparedStatement<never>(
  'register_user',
  `insert into kiip_user_references (user_id_hash, user_id) values ($1, $2) on conflict do nothing`,
);

/** Writes nothing for a user who has a reference: each process asks for it once a minute. */
const STORE_REFERENCE = new PreparedStatement<{ reference: string }>(
  'store_reference',
  `
  with known as materialized (
    select reference from kiip_user_references where user_id_hash = $1 and reference is not null
  ), stored as (
    insert into kiip_user_references as earlier (user_id_hash, user_id, reference)
    select $1, $2, $3 where not exists (select from known)
    on conflict (user_id_hash) do update set reference = coalesce(earlier.reference, excluded.reference)
    returning reference
  )
  select reference from known union all select reference from stored`,
);

/**
 * The users that have been sent to Kiip, with the reference that was sent instead of the id, if any. They are stored before a
 * request is sent and never change until they are erased, so cached entries stay valid for a while.
 * Every method throws StorageUnavailableError.
 */
@Injectable()
export class UserReferencesService {
  /** From the user id to the reference; '' without one. */
  private readonly cache = new Map<string, string>();
  private cachedSince = performance.now();

  constructor(private readonly database: Database) {}

  /** Stores that a user's id is sent to Kiip. */
  async register(userId: string): Promise<void> {
    this.clearOldCache();
    if (this.cache.has(userId)) return;
    await this.database.run((db) => REGISTER.execute(db, [sha256Key(userId), sanitizeText(userId)]));
    this.addToCache(userId, '');
  }

  /** Returns those candidates that have been sent to Kiip. */
  async filterRegistered(candidates: string[]): Promise<Set<string>> {
    const byHash = new Map(candidates.map((candidate) => [sha256Key(candidate), candidate]));
    const keys = [...byHash.keys()];
    const rows = await this.database.run((db) =>
      db
        .selectFrom('kiip_user_references')
        .select('user_id_hash')
        .where((eb) => eb('user_id_hash', '=', eb.fn.any(eb.val(keys))))
        .execute(),
    );
    return new Set(rows.flatMap(({ user_id_hash }) => byHash.get(user_id_hash) ?? []));
  }

  /**
   * Returns the reference of a user. It never changes: the first one that any process stores is used.
   * @param mint creates a random reference
   */
  async getReference(userId: string, mint: () => string): Promise<string> {
    this.clearOldCache();
    const cached = this.cache.get(userId);
    if (cached) return cached;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const reference = await this.storeReference(userId, mint());
        this.addToCache(userId, reference);
        return reference;
      } catch (error) {
        if (attempt === MAX_MINT_ATTEMPTS || !isUniqueViolation(error)) throw error;
      }
    }
  }

  /** Returns the id of the user with this reference. */
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

  /** Whether this gateway has sent the user to Kiip under this id, which may be a reference. */
  async isRegistered(id: string): Promise<boolean> {
    if (isUserReference(id)) return (await this.resolve(id)) !== undefined;
    return (await this.filterRegistered([id])).size > 0;
  }

  private async storeReference(userId: string, minted: string): Promise<string> {
    const [row] = await this.database.run((db) =>
      STORE_REFERENCE.execute(db, [sha256Key(userId), sanitizeText(userId), minted]),
    );
    return row!.reference;
  }

  private clearOldCache(): void {
    if (performance.now() - this.cachedSince < MAX_CACHE_AGE_MS) return;
    this.cache.clear();
    this.cachedSince = performance.now();
  }

  private addToCache(userId: string, reference: string): void {
    if (this.cache.size >= MAX_CACHED_USERS) this.cache.clear();
    this.cache.set(userId, reference);
  }
}
