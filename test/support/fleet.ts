import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../../src/config/read-config.js';
import { consumersConfig } from './consumer.js';
import { CrashableGateway } from './crashable-gateway.js';
import { Disk } from './disk.js';
import { FaultProxy } from './fault-proxy.js';
import { PostgresServer } from './postgres.js';
import { RecordingProcess } from './recording-process.js';
import { isRedisInstalled, startRedis } from './redis.js';
import type { RedisServer } from './redis.js';
import { STEPPING_CLOCK } from './stepping-clock.js';

export interface FleetOptions {
  /** PostgreSQL has a disk of its own, and flushes to it. */
  readonly disk?: boolean;
  readonly spool?: boolean;
  /** The clock of the first gateway can be set. */
  readonly clock?: boolean;
}

export type Link = 'clients' | 'postgres' | 'redis' | 'kigo' | 'kiip' | 'consumer';

/** Two gateways and all that they use, each a process of its own, which reach each other through proxies. */
export interface Fleet {
  postgres: PostgresServer;
  replica: PostgresServer | undefined;
  readonly redis: RedisServer | undefined;
  /** Kigo and Kiip. */
  readonly vendors: RecordingProcess;
  readonly consumer: RecordingProcess;
  readonly gateways: readonly CrashableGateway[];
  /** Of the gateways, as clients reach them. */
  readonly origins: readonly string[];
  readonly links: Readonly<Record<Link, readonly FaultProxy[]>>;
  readonly disk: Disk | undefined;
  /** SPOOL_DIR, where the gateways have one. */
  readonly spool: string;
  /** What gateways logged as an error. */
  readonly errors: Set<string>;
  /** What is recorded so far: the number of entries, and the cursor behind them. */
  recorded: { readonly entries: number; readonly cursor?: string };
  close(): Promise<void>;
}

const to = (port: number) => FaultProxy.to(port, false);

export async function startFleet({
  disk: hasDisk,
  spool: hasSpool,
  clock,
}: FleetOptions = {}): Promise<Fleet> {
  const disk = hasDisk ? Disk.create() : undefined;
  const postgres = disk
    ? await PostgresServer.create(join(disk.path, 'postgres'), 'fsync=on')
    : await PostgresServer.create();
  // The files are copies, which nobody has flushed.
  disk?.flush();
  const redis = isRedisInstalled ? await startRedis() : undefined;
  const [vendors, consumer] = await Promise.all([RecordingProcess.create(), RecordingProcess.create()]);
  const spool = mkdtempSync(join(tmpdir(), 'gateway-spool-'));
  const backends = {
    postgres: await to(postgres.port),
    redis: await to(redis?.port ?? 9),
    kigo: await to(vendors.port),
    kiip: await to(vendors.port),
    consumer: await to(consumer.port),
  };
  const origin = (name: keyof typeof backends) => `http://127.0.0.1:${backends[name].port}`;
  const env: Environment = {
    DATABASE_URL: postgres.url('postgres', backends.postgres.port),
    ...(redis && { REDIS_URL: backends.redis.url }),
    KIGO_BASE_URL: origin('kigo'),
    KIIP_BASE_URL: origin('kiip'),
    DELIVERY_CONSUMERS: consumersConfig(origin('consumer')),
    // The default, which most tests replace.
    CALLBACK_HOLD_SECONDS: '',
    // Kigo is asked all the time.
    HUB_SUMMARY_TTL_SECONDS: '1',
    ...(hasSpool && { SPOOL_DIR: spool, CALLBACK_HOLD_SECONDS: '1' }),
  };
  const gateways = [
    await CrashableGateway.on(env, clock ? STEPPING_CLOCK : undefined),
    await CrashableGateway.on(env),
  ];
  const clients = await Promise.all(gateways.map(({ origin: url }) => to(Number(new URL(url).port))));
  for (const gateway of gateways) gateway.start();
  const fleet: Fleet = {
    postgres,
    replica: undefined,
    redis,
    vendors,
    consumer,
    gateways,
    origins: clients.map(({ port }) => `http://127.0.0.1:${port}`),
    links: {
      clients,
      ...(Object.fromEntries(Object.entries(backends).map(([name, proxy]) => [name, [proxy]])) as Record<
        keyof typeof backends,
        FaultProxy[]
      >),
    },
    disk,
    spool,
    errors: new Set(),
    recorded: { entries: 0 },
    async close() {
      // A fault may not have ended.
      fleet.postgres.resume();
      await Promise.all(gateways.map((gateway) => gateway.close()));
      await Promise.all([...clients, ...Object.values(backends)].map((proxy) => proxy.close()));
      await Promise.all([vendors.close(), consumer.close(), redis?.close()]);
      await Promise.all([fleet.postgres.destroy(), fleet.replica?.destroy()]);
      rmSync(spool, { recursive: true, force: true });
      disk?.destroy();
    },
  };
  return fleet;
}

/** Keeps what a gateway logged as an error, before its process is replaced. */
export function collectErrors({ errors }: Fleet, gateway: CrashableGateway): void {
  const lines = gateway.log.filter(({ level }) => level === 'error' || level === 'fatal');
  for (const line of lines) errors.add(JSON.stringify(line));
}
