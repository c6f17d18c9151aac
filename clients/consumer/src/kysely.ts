import { CompiledQuery } from 'kysely';
import type { Kysely, Transaction } from 'kysely';
import type { Inbox } from './inbox.js';
import { sqlInbox } from './sql-inbox.js';

/** An inbox in PostgreSQL, by Kysely. The handler gets the transaction. */
export function kyselyInbox<DB>(db: Kysely<DB>, table?: string): Inbox<Transaction<DB>> {
  return sqlInbox<Transaction<DB>>(
    (work) =>
      db
        .transaction()
        .setIsolationLevel('read committed')
        .execute((tx) =>
          work(tx, async (statement, values) => {
            const { rows } = await tx.executeQuery(CompiledQuery.raw(statement, values));
            return rows;
          }),
        ),
    table,
  );
}
