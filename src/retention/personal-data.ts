import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { insertAudit } from '../audit/audit.queries.js';
import type { Database } from '../database/database.js';
import { eraseFromDeliveries, exportFromDeliveries } from '../delivery/personal-data.queries.js';
import { eraseFromRejectedCallbacks } from '../kiip-callbacks/personal-data.queries.js';
import { eraseFromLedger, exportFromLedger } from '../ledger/personal-data.queries.js';
import { eraseFromMoments, exportFromMoments } from '../promised-rewards/personal-data.queries.js';
import {
  eraseFromUserReferences,
  exportFromUserReferences,
} from '../user-references/personal-data.queries.js';

const COMMAND = { caller: 'npm run user:erase', requestId: null };

/**
 * Removes who a user was, in one transaction. Entries about money stay, under a new alias that nothing leads back from.
 * @throws StorageUnavailableError
 */
export function eraseUser(database: Database, userId: string) {
  const alias = `erased-${randomUUID()}`;
  return database.run((db) =>
    db.transaction().execute(async (transaction) => {
      const known = await eraseFromUserReferences(transaction, userId);
      const reference = known?.reference ?? undefined;
      await insertAudit('erase', COMMAND, sql`select ${alias}::text`).execute(transaction);
      const entries = await eraseFromLedger(transaction, userId, reference, alias);
      return {
        alias,
        ledger_entries: entries.length,
        deliveries: await eraseFromDeliveries(transaction, entries, alias),
        ...(await eraseFromMoments(transaction, userId, reference)),
        rejected_callbacks: await eraseFromRejectedCallbacks(transaction, [
          userId,
          ...(reference === undefined ? [] : [reference]),
        ]),
        user_references: known ? 1 : 0,
      };
    }),
  );
}

/** Everything that is stored about a user. @throws StorageUnavailableError */
export function exportUser(database: Database, userId: string) {
  return database.run(async (db) => {
    const entries = await exportFromLedger(db, userId);
    return {
      user_id: userId,
      user_references: await exportFromUserReferences(db, userId),
      ledger_entries: entries,
      deliveries: await exportFromDeliveries(
        db,
        entries.map(({ id }) => id),
      ),
      ...(await exportFromMoments(db, userId)),
    };
  });
}
