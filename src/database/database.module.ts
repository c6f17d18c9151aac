import { Global, Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { Config } from '../config/config.js';
import { DatabaseHealthIndicator } from './database.health-indicator.js';
import { Database } from './database.js';
import { DatabaseLifecycle } from './database-lifecycle.service.js';

/** PostgreSQL when `DATABASE_URL` is set, else the embedded database in `DATA_DIR`. */
@Global()
@Module({
  imports: [TerminusModule],
  providers: [
    DatabaseHealthIndicator,
    DatabaseLifecycle,
    {
      provide: Database,
      inject: [Config],
      useFactory: ({ databaseUrl, dataDir, databaseTimeoutMs }: Config) =>
        new Database({ databaseUrl, dataDir, timeoutMs: databaseTimeoutMs }),
    },
  ],
  exports: [Database, DatabaseHealthIndicator],
})
export class DatabaseModule {}
