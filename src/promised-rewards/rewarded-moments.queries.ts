import { sql } from 'kysely';

/** Rewards with a currency as reconciliation may join them in SQL. */
export const REWARDED_MOMENTS = sql`(
  select reward_id, moment_id, user_id, virtual_value, rewarded_at from kiip_rewarded_moments
)`;
