import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.js';
import { MetricsRegistry } from './metrics-registry.js';

/** The connections to the database. */
@Injectable()
export class DatabasePoolMetrics {
  constructor(registry: MetricsRegistry, database: Database) {
    registry.gauge({
      name: 'database_pool_connections',
      help: 'Connections to the database by pool (callbacks, workers, reads) and state: in_use, idle',
      labels: ['pool', 'state'],
      collect: () =>
        database
          .poolUsage()
          .flatMap(({ pool, inUse, idle }) => [
            [{ pool, state: 'in_use' }, inUse] as const,
            [{ pool, state: 'idle' }, idle] as const,
          ]),
    });
    registry.gauge({
      name: 'database_pool_max_connections',
      help: 'Connections that each pool may have: its part of DATABASE_POOL_SIZE',
      labels: ['pool'],
      collect: () => database.poolUsage().map(({ pool, max }) => [{ pool }, max] as const),
    });
    registry.gauge({
      name: 'database_pool_waiting',
      help: 'Statements that wait for a connection of each pool',
      labels: ['pool'],
      collect: () => database.poolUsage().map(({ pool, waiting }) => [{ pool }, waiting] as const),
    });
  }
}
