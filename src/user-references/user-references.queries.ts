import { sql } from 'kysely';

/** The users with a reference as other features may join them in SQL. */
export const REFERENCED_USERS = sql`(select reference, user_id from kiip_user_references)`;
