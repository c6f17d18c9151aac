import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { findServerUser } from '../../src/database/embedded-user.js';
import type { ServerUser } from '../../src/database/embedded-user.js';
import { freePort } from './free-port.js';
import { waitFor } from './wait-for.js';

const MAX_CONNECTIONS = 60;

/** A PostgreSQL server of the test's own, on a port that stays the same when it restarts. */
export class PostgresServer {
  #process: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    readonly maxConnections: number,
    private readonly bin: string,
    readonly folder: string,
    readonly user: ServerUser | undefined,
  ) {}

  static async create(): Promise<PostgresServer> {
    const cluster = process.env['TEST_POSTGRES_CLUSTER']!;
    const folder = mkdtempSync(`${cluster}-`);
    const user = findServerUser(folder);
    if (user !== undefined) chownSync(folder, user.uid, user.gid);
    execFileSync('cp', ['-a', cluster, join(folder, 'data')], { ...user });
    const bin = process.env['TEST_POSTGRES_BIN']!;
    const server = new PostgresServer(await freePort(), MAX_CONNECTIONS, bin, folder, user);
    await server.start();
    return server;
  }

  url(database: string, port = this.port): string {
    return `postgresql://gateway:${process.env['TEST_POSTGRES_PASSWORD']!}@127.0.0.1:${port}/${database}`;
  }

  async start(...settings: string[]): Promise<void> {
    const given = [
      `port=${this.port}`,
      `unix_socket_directories=${this.folder}`,
      'listen_addresses=127.0.0.1',
    ];
    const speed = ['fsync=off', 'shared_buffers=16MB', `max_connections=${MAX_CONNECTIONS}`];
    const flags = [...given, ...speed, ...settings].flatMap((setting) => ['-c', setting]);
    const child = spawn(join(this.bin, 'postgres'), ['-D', join(this.folder, 'data'), ...flags], {
      ...this.user,
      cwd: this.folder,
      stdio: 'ignore',
    });
    this.#process = child;
    process.once('exit', () => child.kill('SIGQUIT'));
    await waitFor('the server answers', async () => {
      await this.query('postgres', 'select 1');
      return true;
    });
  }

  /** SIGINT: clients are thrown out (57P01). SIGQUIT: at once, as in a crash; the next start recovers. */
  async stop(signal: 'SIGINT' | 'SIGQUIT' = 'SIGINT'): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  /** Stops every process of the server in its tracks: connections stay open and nothing answers. */
  pause(): void {
    this.#signal('SIGSTOP');
  }

  resume(): void {
    this.#signal('SIGCONT');
  }

  async destroy(): Promise<void> {
    await this.stop('SIGQUIT');
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** One statement on a connection of its own. */
  async query(database: string, text: string): Promise<Record<string, unknown>[]> {
    const client = await this.client(database);
    try {
      const { rows } = await client.query<Record<string, unknown>>(text);
      return rows;
    } finally {
      await client.end();
    }
  }

  async client(database: string): Promise<Client> {
    const client = new Client({ connectionString: this.url(database), connectionTimeoutMillis: 2_000 });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  /** Every process leads a group of its own, so there is no group to signal. The server is first, so that it cannot fork in between. */
  #signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    const main = this.#process;
    if (!main?.pid || main.exitCode !== null || main.signalCode !== null) return;
    main.kill(signal);
    for (const name of readdirSync('/proc')) {
      if (/^\d+$/.test(name) && parentOf(name) === main.pid) signalIfThere(Number(name), signal);
    }
  }
}

function signalIfThere(pid: number, signal: 'SIGSTOP' | 'SIGCONT'): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended in the meantime.
  }
}

function parentOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}
