/** Advisory locks of PostgreSQL. Their numbers must differ from each other, and from any other user's in this database. */

/** Held while the schema is migrated. */
export const MIGRATION_LOCK = 7_261_903_441n;
/** Held while ledger entries get their feed positions, so that the positions become visible in order. */
export const FEED_LOCK = 7_261_903_442n;
/** Held while deliveries are created, so that their ids become visible in order. */
export const DELIVERIES_LOCK = 7_261_903_443n;
/** Held while somebody's action is written down, so that the ids of the audit log become visible in order. */
export const AUDIT_LOCK = 7_261_903_445n;
/** Held by the process that owns the embedded database. */
export const EMBEDDED_LOCK = 7_261_903_444n;
