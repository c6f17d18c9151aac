import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'redis';
import { describeWhenInstalled } from './describe-when-installed.js';
import { freePort } from './free-port.js';
import { waitFor } from './wait-for.js';

/** A real redis-server, started for one test. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Runs one command on its own connection. @returns the reply */
  command(...args: string[]): Promise<unknown>;
  /** Every key with its value, or with an empty string if the value is not a string. */
  dump(): Promise<[key: string, value: string][]>;
  /** Suspends the process (SIGSTOP): connections stay open but get no replies. */
  pause(): void;
  resume(): void;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Starts the server on its port with the data of the last SAVE. Resolves once it replies, even with an error. */
  start(...args: string[]): Promise<void>;
  close(): Promise<void>;
}

export const isRedisInstalled = spawnSync('redis-server', ['--version']).status === 0;

export const describeWithRedis = describeWhenInstalled(
  isRedisInstalled,
  'there is no redis-server on this machine',
);

type RedisClient = ReturnType<typeof createClient>;

/** Uses a connection of its own to a server of this machine. */
export async function onRedisClient<T>(port: number, use: (client: RedisClient) => Promise<T>): Promise<T> {
  const client = createClient({
    socket: { port, host: '127.0.0.1', reconnectStrategy: false },
    disableClientInfo: true,
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.disconnect().catch(() => undefined);
  }
}

/** Creates a Redis that is not started yet. It writes to disk only on `SAVE`. */
export async function createRedis(): Promise<RedisServer> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'redis-'));
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
  let server: ChildProcess | undefined;

  const onClient = <T>(use: (client: RedisClient) => Promise<T>) => onRedisClient(port, use);

  async function answers(): Promise<boolean> {
    if (server?.exitCode !== null) throw new Error('redis-server exited at startup');
    return onClient((client) => client.ping()).then(
      () => true,
      (error: unknown) => error instanceof Error && error.message.startsWith('LOADING'),
    );
  }

  const handle: RedisServer = {
    port,
    url: `redis://127.0.0.1:${port}`,
    command: (...args) => onClient((client) => client.sendCommand(args)),
    dump: () =>
      onClient(async (client) => {
        const found: [string, string][] = [];
        for await (const key of client.scanIterator()) {
          const value = await client.get(key).catch(() => null);
          found.push([key, value ?? '']);
        }
        return found;
      }),
    pause: () => void server?.kill('SIGSTOP'),
    resume: () => void server?.kill('SIGCONT'),
    async kill() {
      if (!server || server.exitCode !== null || server.signalCode !== null) return;
      const ended = once(server, 'exit');
      server.kill('SIGKILL');
      await ended;
    },
    async start(...args) {
      server = spawn('redis-server', [...options, ...args], { stdio: 'ignore' });
      const failed = once(server, 'error').then(([error]) => Promise.reject(error as Error));
      await Promise.race([failed, waitFor('Redis replies', answers)]);
    },
    async close() {
      await handle.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return handle;
}

/** Starts a Redis. */
export async function startRedis(...args: string[]): Promise<RedisServer> {
  const redis = await createRedis();
  await redis.start(...args);
  return redis;
}
