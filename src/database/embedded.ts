import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { PGlite as Engine } from '@electric-sql/pglite';
import type { Dialect, PGlite as KyselyPGlite } from 'kysely';
import { fromDriver, sqlState } from './storage-error.js';

/**
 * Kysely on PGlite, which is PostgreSQL inside this process, with its files in `dataDir`. It has one connection, which Kysely
 * shares. It does not fsync: a confirmed write survives a crash of the process, not of the machine.
 * @param onLost called when the engine has failed; the folder may be opened again after this one is closed
 */
export async function embeddedDialect(dataDir: string, onLost: () => void): Promise<Dialect> {
  const [{ PGlite }, { PGliteDialect }] = await Promise.all([
    import('@electric-sql/pglite'),
    import('kysely'),
  ]);
  return new PGliteDialect({
    async pglite() {
      try {
        return withTranslatedErrors(await open((folder) => PGlite.create(folder), dataDir), onLost);
      } catch (error) {
        throw fromDriver(error);
      }
    },
  });
}

/**
 * Opens the database, after creating it if there is none. It is created in another folder and then renamed, because a
 * process that dies meanwhile would leave a database that cannot be opened.
 */
async function open(create: (folder: string) => Promise<Engine>, dataDir: string): Promise<Engine> {
  const folder = join(dataDir, 'pglite');
  if (!existsSync(folder)) {
    const draft = `${folder}.draft`;
    await rm(draft, { recursive: true, force: true });
    await (await create(draft)).close();
    await rename(draft, folder);
  }
  return create(folder);
}

function withTranslatedErrors(pglite: KyselyPGlite, onLost: () => void): KyselyPGlite {
  return {
    close: () => pglite.close(),
    get closed() {
      return pglite.closed;
    },
    get ready() {
      return pglite.ready;
    },
    waitReady: pglite.waitReady,
    transaction: (work) => pglite.transaction(work),
    async query(text, parameters, options) {
      try {
        return await pglite.query(text, parameters, options);
      } catch (error) {
        if (sqlState(error) === undefined) onLost();
        throw fromDriver(error);
      }
    },
  };
}
