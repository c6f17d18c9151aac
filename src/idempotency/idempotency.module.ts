import { Module } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Database } from '../database/database.js';
import { IdempotencyStore } from './idempotency-store.js';
import { IdempotencyService } from './idempotency.service.js';

const LEASE_MARGIN_MS = 1_000;

/** A lease outlasts the call itself and three statements around it. */
function leaseSeconds({ upstreamDeadlineMs, databaseTimeoutMs }: Config): number {
  return (upstreamDeadlineMs + 3 * databaseTimeoutMs + LEASE_MARGIN_MS) / 1000;
}

/** Owns the table `idempotency_keys`: calls that must not happen twice, and what they were answered. */
@Module({
  providers: [
    IdempotencyService,
    {
      provide: IdempotencyStore,
      inject: [Database, Config],
      useFactory: (database: Database, config: Config) =>
        new IdempotencyStore(database, { leaseSeconds: leaseSeconds(config) }),
    },
  ],
  exports: [IdempotencyService],
})
export class IdempotencyModule {}
