import { Module } from '@nestjs/common';
import { RateLimits } from './rate-limits.js';

/** How often callers may call. */
@Module({ providers: [RateLimits], exports: [RateLimits] })
export class RateLimitModule {}
