import { sql } from 'kysely';
import type { Kysely } from 'kysely';

/** The rewards of a user, newest first, and what erases them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create index if not exists kiip_rewarded_moments_user_id_rewarded_at_idx on kiip_rewarded_moments (user_id, rewarded_at)`.execute(
    db,
  );
}
