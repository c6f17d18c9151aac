import process from 'node:process';
import { Logger } from '@nestjs/common';
import type { Config } from '../config/config.js';
import { EXIT_CONFIG, ConfigError, readConfig } from '../config/read-config.js';
import { DataDirUnusableError } from '../database/data-dir-lock.js';
import { Database } from '../database/database.js';
import { IncompatibleSchemaError } from '../database/migrations.js';
import { StorageUnavailableError } from '../database/storage-error.js';

/** EX_TEMPFAIL of sysexits.h. */
const EXIT_TEMPFAIL = 75;

/** Runs one task on the configured database, beside the service or without it; ends with one clear line when it cannot. */
export async function runCliTask(
  task: (tools: { config: Config; database: Database }) => Promise<void>,
): Promise<void> {
  // Standard output is the task's, and what fails is told in the one line.
  Logger.overrideLogger(false);
  let database: Database | undefined;
  try {
    const config = readConfig(process.env);
    const { databaseUrl, dataDir, databaseTimeoutMs: timeoutMs } = config;
    database = new Database({ databaseUrl, dataDir, timeoutMs });
    await task({ config, database });
  } catch (error) {
    const permanent = error instanceof ConfigError || error instanceof IncompatibleSchemaError;
    const transient = error instanceof DataDirUnusableError || error instanceof StorageUnavailableError;
    if (!permanent && !transient) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = permanent ? EXIT_CONFIG : EXIT_TEMPFAIL;
  } finally {
    await database?.close();
  }
}
