import { Global, Module } from '@nestjs/common';
import { Config } from '../config/config.js';
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

/** The database of the service: migrated at the start, as soon as it is there. */
@Global()
@Module({ imports: [DatabaseModule], providers: [DatabaseLifecycleService] })
export class MigratedDatabaseModule {}
