import process from 'node:process';
import { Logger, Module } from '@nestjs/common';
import type { INestApplicationContext, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ConfigModule } from '../config/config.module.js';
import { EXIT_CONFIG, ConfigError, readConfig } from '../config/read-config.js';
import type { Environment } from '../config/read-config.js';
import { EmbeddedDatabaseError } from '../database/embedded-error.js';
import { Database } from '../database/database.js';
import { DatabaseModule } from '../database/database.module.js';
import { IncompatibleSchemaError } from '../database/migrations.js';
import { StorageUnavailableError, UnsupportedEncodingError } from '../database/storage-error.js';

/** EX_TEMPFAIL of sysexits.h. */
const EXIT_TEMPFAIL = 75;

@Module({})
class CliModule {}

/**
 * Migrates the configured database and runs a task on it, in an application context without a server. An expected failure
 * ends the process with one line on standard error.
 * @param features the modules whose providers the task uses
 * @param overrides variables that the task has values of its own for
 */
export async function runCliTask(
  features: Type[],
  task: (app: INestApplicationContext) => Promise<void>,
  overrides: Environment = {},
): Promise<void> {
  // Standard output belongs to the task.
  Logger.overrideLogger(false);
  let app: INestApplicationContext | undefined;
  try {
    const config = readConfig({ ...process.env, ...overrides });
    app = await NestFactory.createApplicationContext(
      { module: CliModule, imports: [ConfigModule.forRoot(config), DatabaseModule, ...features] },
      { logger: false, abortOnError: false },
    );
    await app.get(Database).migrate();
    await task(app);
  } catch (error) {
    const permanent =
      error instanceof ConfigError ||
      error instanceof IncompatibleSchemaError ||
      error instanceof UnsupportedEncodingError;
    const transient = error instanceof EmbeddedDatabaseError || error instanceof StorageUnavailableError;
    if (!permanent && !transient) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = permanent ? EXIT_CONFIG : EXIT_TEMPFAIL;
  } finally {
    await app?.close();
  }
}
