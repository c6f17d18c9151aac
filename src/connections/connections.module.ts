import { Module } from '@nestjs/common';
import { ConnectionsService } from './connections.service.js';

/** Limits the connections of clients. */
@Module({ providers: [ConnectionsService], exports: [ConnectionsService] })
export class ConnectionsModule {}
