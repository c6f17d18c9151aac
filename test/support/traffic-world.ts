import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { startKigoSandbox, startKiipSandbox } from '@rewards-gateway/sandbox';
import type { KigoSandbox, KiipSandbox } from '@rewards-gateway/sandbox';
import type { Environment } from '../../src/config/read-config.js';
import { consumersConfig } from './consumer.js';
import { newDatabase } from './databases.js';
import type { TestDatabase } from './databases.js';
import { freePort } from './free-port.js';
import { startProcess } from './gateway-process.js';
import type { GatewayProcess } from './gateway-process.js';
import { DEFAULTS } from './kiip.js';
import { kiipAppKey } from './kiip-world.js';
import { isRedisInstalled, startRedis } from './redis.js';
import { waitFor } from './wait-for.js';

/** The defaults that `baseEnvironment` replaces: those of the security configuration. */
const SECURITY_DEFAULTS = {
  ...DEFAULTS,
  CALLER_SCOPES: '',
  RATE_LIMIT_PER_MINUTE: '',
  FAILED_CREDENTIALS_PER_MINUTE: '',
} satisfies Environment;

/** A gateway process, with the origins of its three ports. */
export interface Replica {
  readonly process: GatewayProcess;
  readonly callers: string;
  readonly callbacks: string;
  readonly management: string;
}

/** A callback as Kiip signed it. */
export interface SignedCallback {
  readonly body: string;
  readonly contentType: string;
}

/** What replicas have around them: stores, the simulated vendors, and a consumer that remembers ids. */
export interface Surroundings {
  /** For the replicas, with the defaults of the security configuration. */
  readonly env: Environment;
  readonly database: TestDatabase;
  readonly kigo: KigoSandbox;
  readonly kiip: KiipSandbox;
  /** Called with each callback that Kiip sends, before the response to its moment: the network between Kiip and the gateways. */
  onCallback: (callback: SignedCallback) => void;
  /** How often each event was delivered, by its id. */
  readonly delivered: ReadonlyMap<string, number>;
  readonly close: () => Promise<void>;
}

/** Two replicas as in production, and what they have around them. */
export interface TrafficWorld extends Surroundings {
  readonly replicas: readonly Replica[];
}

export async function startTrafficWorld(): Promise<TrafficWorld> {
  const surroundings = await startSurroundings();
  const { env, close } = surroundings;
  const replicas = await Promise.all([startReplica(env), startReplica(env)]);
  // The same object: callbacks go to its `onCallback`.
  return Object.assign(surroundings, {
    replicas,
    async close() {
      await Promise.all(replicas.map(({ process }) => process[Symbol.asyncDispose]()));
      await close();
    },
  });
}

export async function startSurroundings(): Promise<Surroundings> {
  const kigo = await startKigoSandbox();
  kigo.configure({ unknownUser: 'create' });
  const kiip = await startKiipSandbox();
  kiip.configure({ appSecret: 'test_app_secret_0001', redeemAtOnce: true });
  const database = await newDatabase();
  const redis = isRedisInstalled ? await startRedis() : undefined;
  const delivered = new Map<string, number>();
  const consumer = await listen(({ headers }) => {
    const id = String(headers['webhook-id']);
    delivered.set(id, (delivered.get(id) ?? 0) + 1);
  });
  const relay = await listen(({ headers, body }) => {
    surroundings.onCallback({ body, contentType: String(headers['content-type']) });
  });
  kiip.setCallbackUrl(relay.url);
  const env = {
    ...SECURITY_DEFAULTS,
    ...database.env,
    ...(redis && { REDIS_URL: redis.url }),
    KIGO_BASE_URL: kigo.url,
    KIIP_BASE_URL: kiip.url,
    KIIP_APP_KEY: kiipAppKey,
    DELIVERY_CONSUMERS: consumersConfig(consumer.url),
    // Not a line for each request.
    LOG_LEVEL: 'warn',
  };
  const surroundings: Surroundings = {
    env,
    database,
    kigo,
    kiip,
    onCallback: () => undefined,
    delivered,
    async close() {
      await Promise.all([kigo.close(), kiip.close(), consumer.close(), relay.close(), redis?.close()]);
      await database.drop();
    },
  };
  return surroundings;
}

const origin = (port: number) => `http://127.0.0.1:${port}`;

async function startReplica(env: Environment): Promise<Replica> {
  const [callers, callbacks, management] = [await freePort(), await freePort(), await freePort()];
  const process = startProcess({
    ...env,
    PORT: String(callers),
    CALLBACK_PORT: String(callbacks),
    MANAGEMENT_PORT: String(management),
  });
  const ready = async () => (await fetch(`${origin(management)}/health/ready`)).ok;
  await waitFor('the gateway is ready', ready, 60);
  return {
    process,
    callers: origin(callers),
    callbacks: origin(callbacks),
    management: origin(management),
  };
}

/** A server that responds with 200 to everything, after it has been handled. */
async function listen(handle: (request: { headers: Record<string, unknown>; body: string }) => void) {
  const server: Server = createServer((request, response) => {
    void text(request)
      .then((body) => handle({ headers: request.headers, body }))
      .then(() => response.end('OK'));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      const closed = once(server.close(), 'close');
      server.closeAllConnections();
      await closed;
    },
  };
}
