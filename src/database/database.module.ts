import { Global, Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { Config } from '../config/config.js';
import { DatabaseHealthIndicator } from './database.health-indicator.js';
import { Database } from './database.js';
import { EmbeddedServer } from './embedded-server.js';
import { DatabaseLifecycleService } from './database-lifecycle.service.js';

/** The PostgreSQL of `DATABASE_URL`, else the embedded one with its files in `DATA_DIR`. It connects when it is used. */
@Global()
@Module({
  providers: [
    {
      provide: Database,
      inject: [Config],
      useFactory: ({ databaseUrl, dataDir, databaseTimeoutMs, databasePoolSize }: Config) =>
        new Database({
          server: databaseUrl ?? new EmbeddedServer(dataDir),
          timeoutMs: databaseTimeoutMs,
          poolSize: databasePoolSize,
        }),
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
