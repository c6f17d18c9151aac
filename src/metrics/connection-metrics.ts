import { Injectable } from '@nestjs/common';
import { ConnectionsService } from '../connections/connections.service.js';
import { MetricsRegistry } from './metrics-registry.js';

/** Connections of clients. */
@Injectable()
export class ConnectionMetrics {
  constructor(registry: MetricsRegistry, connections: ConnectionsService) {
    registry.gauge({
      name: 'open_connections',
      help: 'Connections of clients that are open',
      collect: () => [[{}, connections.open]],
    });
    registry.counter({
      name: 'connections_dropped_total',
      help: 'Connections refused (address_limit, total_limit), closed while idle to make room for others (made_room), or closed because the client does not read (unread)',
      labels: ['reason'],
      collect: () =>
        Object.entries(connections.dropped).map(([reason, count]) => [{ reason }, count] as const),
    });
  }
}
