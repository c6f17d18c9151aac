import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'redis';
import { freePort } from './free-port.js';
import { until } from './wait-for.js';

/** A real redis-server of the test's own. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Runs one command on a connection of its own, and gives the reply. */
  command(...args: string[]): Promise<unknown>;
  /** Every key with its value, if that is text. */
  dump(): Promise<[key: string, value: string][]>;
  /** Stops the process without ending it (SIGSTOP): connections stay open, nothing is answered. */
  pause(): void;
  resume(): void;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Starts it (again) on its port, with the data that was last saved; resolves once it answers, be it with an error. */
  start(...args: string[]): Promise<void>;
  close(): Promise<void>;
}

const installed = spawnSync('redis-server', ['--version']).status === 0;
const required = process.env['CI'] === 'true' || process.env['REQUIRE_SERVICES'] === '1';

/** `describe`, or a loud skip on a machine without redis-server; where services are required the tests run, and fail. */
export const describeWithRedis = installed || required ? describe : skipLoudly();

function skipLoudly(): typeof describe.skip {
  console.warn('SKIPPED: the tests on a real Redis. There is no redis-server on this machine.');
  return describe.skip;
}

/** Makes a Redis that is not running yet: `start` it. Nothing is written to disk but by `SAVE`. */
export async function createRedis(): Promise<RedisServer> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'redis-'));
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
  let server: ChildProcess | undefined;

  async function onClient<T>(use: (client: ReturnType<typeof createClient>) => Promise<T>): Promise<T> {
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

  async function answers(): Promise<boolean> {
    if (server?.exitCode !== null) throw new Error('redis-server ended at its start');
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
      await Promise.race([failed, until('Redis answers', answers)]);
    },
    async close() {
      await handle.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return handle;
}

/** A Redis that runs. */
export async function startRedis(...args: string[]): Promise<RedisServer> {
  const redis = await createRedis();
  await redis.start(...args);
  return redis;
}
