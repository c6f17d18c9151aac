import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../config/config.js';
import { networkOf } from './client-network.js';

/** A client that takes nothing of a response for this long is not coming back for it. */
const STALL_MS = 10_000;
/** A response may take the deadline of the upstreams, and this much longer. */
const RESPONSE_MARGIN_MS = 60_000;
/** Requests that may wait for their turn on one connection: each could have its response waiting. */
const MAX_PIPELINED = 32;
/** The limit of the server itself is higher, so that it still asks us which connection to close. */
const HEADROOM = 100;
const REPORT_INTERVAL_MS = 60_000;

export const DROP_REASONS = [
  /** Refused: the address has as many as it may have, and all of them are busy. */
  'address_limit',
  /** Refused: the server has as many as it may have, and all of them are busy. */
  'total_limit',
  /** Closed to make room for a new one: it was idle for longer than the others. */
  'made_room',
  /** Closed: the client does not read the responses that it asked for. */
  'unread',
] as const;

export type DropReason = (typeof DROP_REASONS)[number];

interface Address {
  open: number;
  /** The idlest first. */
  readonly idle: Set<Socket>;
}

interface Connection {
  readonly key: string;
  readonly address: Address;
  /** In progress, pipelined ones included. */
  requests: number;
  lastRequestAt: number | undefined;
}

/** 0 stands for no limit. */
function toLimit(connections: number): number {
  return connections === 0 ? Infinity : connections;
}

/**
 * Keeps connections from being used up: by one address, by clients that keep them open, and by clients that do not read. Under
 * pressure, the connection that has been idle for the longest time is closed. A new connection is refused only if all are busy.
 */
@Injectable()
export class ConnectionsService {
  private readonly logger = new Logger('Connections');
  private readonly counts = Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as Record<
    DropReason,
    number
  >;
  private openCount = 0;
  private nextReportAt = -Infinity;
  private unreported: Partial<Record<DropReason, number>> = {};

  constructor(private readonly config: Config) {}

  /** Connections that are open now, on all servers. */
  get open(): number {
    return this.openCount;
  }

  /** Connections that were refused or closed early since the start. */
  get dropped(): Readonly<Record<DropReason, number>> {
    return this.counts;
  }

  /** Applies the limits to a server: each server has its own. To be called before it listens. */
  apply(server: Server): void {
    const { maxConnections, maxConnectionsPerAddress, upstreamDeadlineMs } = this.config;
    const connections = new Map<Socket, Connection>();
    const addresses = new Map<string, Address>();
    const idle = new Set<Socket>();
    const total = toLimit(maxConnections);
    const perAddress = toLimit(maxConnectionsPerAddress);

    const forget = (socket: Socket) => {
      const connection = connections.get(socket);
      if (!connection) return;
      connections.delete(socket);
      idle.delete(socket);
      this.openCount -= 1;
      const { key, address } = connection;
      address.idle.delete(socket);
      address.open -= 1;
      if (address.open === 0) addresses.delete(key);
    };
    const drop = (socket: Socket, reason: DropReason, key: string) => {
      forget(socket);
      socket.destroy();
      this.count(reason, key);
    };
    /** @returns whether there is room now */
    const makeRoom = (among: Set<Socket>, key: string): boolean => {
      const [idlest] = among;
      if (!idlest) return false;
      drop(idlest, 'made_room', key);
      return true;
    };

    if (total < Infinity) server.maxConnections = total + HEADROOM;
    server.on('drop', () => this.count('total_limit'));
    server.on('connection', (socket: Socket) => {
      const key = networkOf(socket.remoteAddress);
      const known = addresses.get(key);
      if (known && known.open >= perAddress && !makeRoom(known.idle, key))
        return drop(socket, 'address_limit', key);
      if (connections.size >= total && !makeRoom(idle, key)) return drop(socket, 'total_limit', key);
      // It may be gone, if its only connection made room.
      const address = addresses.get(key) ?? { open: 0, idle: new Set() };
      addresses.set(key, address);
      address.open += 1;
      address.idle.add(socket);
      idle.add(socket);
      this.openCount += 1;
      connections.set(socket, { key, address, requests: 0, lastRequestAt: undefined });
      return socket.once('close', () => forget(socket));
    });
    server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      const connection = connections.get(socket);
      if (!connection) return;
      connection.requests += 1;
      connection.lastRequestAt = performance.now();
      if (connection.requests > MAX_PIPELINED) return drop(socket, 'unread', connection.key);
      idle.delete(socket);
      connection.address.idle.delete(socket);
      response.on('close', () => {
        connection.requests -= 1;
        if (connection.requests > 0 || !connections.has(socket)) return;
        idle.add(socket);
        connection.address.idle.add(socket);
      });
    });

    const maxResponseMs = RESPONSE_MARGIN_MS + upstreamDeadlineMs;
    // Nothing was read or written for this long: Node.js counts each part of a response that the client takes.
    server.timeout = STALL_MS;
    server.on('timeout', (socket: Socket) => {
      const connection = connections.get(socket);
      if (connection?.lastRequestAt === undefined) {
        // The limit for headers applies.
        if (connection) socket.setTimeout(server.timeout);
      } else if (connection.requests > 0 && socket.writableLength > 0) drop(socket, 'unread', connection.key);
      else if (connection.requests > 0 && performance.now() - connection.lastRequestAt < maxResponseMs)
        socket.setTimeout(server.timeout);
      // It is idle for longer than it may be, or the gateway never responds.
      else socket.destroy();
    });
  }

  /** Logs at most once a minute: what is dropped may be many. */
  private count(reason: DropReason, address?: string): void {
    this.counts[reason] += 1;
    this.unreported[reason] = (this.unreported[reason] ?? 0) + 1;
    if (performance.now() < this.nextReportAt) return;
    this.nextReportAt = performance.now() + REPORT_INTERVAL_MS;
    this.logger.warn({ msg: 'connections dropped', ...this.unreported, latestAddress: address });
    this.unreported = {};
  }
}
