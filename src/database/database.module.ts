import { Global, Module } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Database } from './database.js';
import { DatabaseLifecycle } from './database-lifecycle.service.js';

/** PostgreSQL when `DATABASE_URL` is set, else the embedded database in `DATA_DIR`. */
@Global()
@Module({
  providers: [
    DatabaseLifecycle,
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
