import { Module } from '@nestjs/common';
import { RetentionService } from './retention.service.js';

/** Deletes what has been kept for long enough. What may be deleted, each table's owner says. */
@Module({ providers: [RetentionService] })
export class RetentionModule {}
