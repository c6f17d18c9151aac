import { Global, Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { Config } from '../config/config.js';
import { DatabaseHealthIndicator } from './database.health-indicator.js';
import { Database } from './database.js';
import { DatabaseLifecycleService } from './database-lifecycle.service.js';

/** PostgreSQL when `DATABASE_URL` is set, else the embedded database in `DATA_DIR`. It connects when it is used. */
@Global()
@Module({
  providers: [
    {
      provide: Database,
      inject: [Config],
      useFactory: ({ databaseUrl, dataDir, databaseTimeoutMs }: Config) =>
        new Database({ databaseUrl, dataDir, timeoutMs: databaseTimeoutMs }),
    },
  ],
  exports: [Database],
})
export class DatabaseModule {}

/** The database of the service. It is migrated at the start, as soon as it is available. */
@Global()
@Module({
  imports: [DatabaseModule, TerminusModule],
  providers: [DatabaseHealthIndicator, DatabaseLifecycleService],
  exports: [DatabaseHealthIndicator],
})
export class MigratedDatabaseModule {}
