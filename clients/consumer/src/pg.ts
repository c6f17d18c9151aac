import type { Pool, PoolClient } from 'pg';
import type { Inbox } from './inbox.js';
import { sqlInbox } from './sql-inbox.js';

/** An inbox in PostgreSQL, by `pg`. The handler gets the client of its transaction. */
export function pgInbox(pool: Pool, table?: string): Inbox<PoolClient> {
  return sqlInbox<PoolClient>(async (work) => {
    const client = await pool.connect();
    // A connection that is lost while the handler does something else must not end the process. The next statement fails.
    client.on('error', ignore);
    const release = (broken?: Error) => {
      client.off('error', ignore);
      client.release(broken);
    };
    try {
      await client.query('begin isolation level read committed');
      const result = await work(client, async (statement, values) => {
        const { rows } = await client.query(statement, values);
        return rows;
      });
      await client.query('commit');
      release();
      return result;
    } catch (error) {
      await client.query('rollback').then(() => release(), release);
      throw error;
    }
  }, table);
}

const ignore = () => undefined;
