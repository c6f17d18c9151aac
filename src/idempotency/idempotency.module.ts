import { Module } from '@nestjs/common';
import { IdempotencyStore } from './idempotency-store.js';
import { IdempotencyService } from './idempotency.service.js';

/** Owns the table `idempotency_keys`: calls that must not happen twice, and the response to each. */
@Module({
  providers: [IdempotencyService, IdempotencyStore],
  exports: [IdempotencyService],
})
export class IdempotencyModule {}
