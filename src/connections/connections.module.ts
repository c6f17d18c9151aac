import { Module } from '@nestjs/common';
import { ConnectionLimiter } from './connection-limiter.js';

/** Limits the connections of clients. */
@Module({ providers: [ConnectionLimiter], exports: [ConnectionLimiter] })
export class ConnectionsModule {}
