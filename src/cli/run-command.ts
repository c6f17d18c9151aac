import process from 'node:process';
import { Logger } from '@nestjs/common';
import type { Config } from '../config/config.js';
import { EXIT_CONFIG, ConfigError, readConfig } from '../config/read-config.js';
import { DataFolderUnusable } from '../database/data-dir-lock.js';
import { Database } from '../database/database.js';
import { ForeignSchema } from '../database/migrations.js';
import { StorageUnavailable } from '../database/storage-error.js';

/** EX_TEMPFAIL of sysexits.h. */
const tryLater = 75;

/** Runs one task on the configured database, beside the service or without it; ends with one clear line when it cannot. */
export async function runCommand(
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
    const lasting = error instanceof ConfigError || error instanceof ForeignSchema;
    const passing = error instanceof DataFolderUnusable || error instanceof StorageUnavailable;
    if (!lasting && !passing) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = lasting ? EXIT_CONFIG : tryLater;
  } finally {
    await database?.close();
  }
}
