import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { findServerUser } from '../../src/database/embedded-user.js';
import type { ServerUser } from '../../src/database/embedded-user.js';
import { isAlive } from './embedded-world.js';
import { freePort } from './free-port.js';
import { waitFor } from './wait-for.js';

const MAX_CONNECTIONS = 60;

/** A PostgreSQL server of the test's own, on a port that stays the same when it restarts. */
export class PostgresServer {
  #process: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    readonly folder: string,
    readonly user: ServerUser | undefined,
    /** Of each start. */
    private readonly settings: readonly string[],
  ) {}

  /** @param parent what the path of its folder begins with */
  static async create(
    parent = process.env['TEST_POSTGRES_CLUSTER']!,
    ...settings: string[]
  ): Promise<PostgresServer> {
    const server = await PostgresServer.copy(process.env['TEST_POSTGRES_CLUSTER']!, parent, settings);
    await server.start();
    return server;
  }

  private static async copy(
    files: string,
    parent: string,
    settings: readonly string[],
  ): Promise<PostgresServer> {
    const folder = mkdtempSync(`${parent}-`);
    const user = findServerUser(folder);
    if (user !== undefined) chownSync(folder, user.uid, user.gid);
    execFileSync('cp', ['-a', files, join(folder, 'data')], { ...user });
    return new PostgresServer(await freePort(), folder, user, settings);
  }

  /** Starts a synchronous replica. This server is stopped for the time that it takes to copy its files. */
  async createReplica(): Promise<PostgresServer> {
    await this.stop();
    const { hostname, username, password } = new URL(this.url('postgres'));
    const primary = `primary_conninfo=host=${hostname} port=${this.port} user=${username} password=${password}`;
    const data = join(this.folder, 'data');
    const replica = await PostgresServer.copy(data, process.env['TEST_POSTGRES_CLUSTER']!, [primary]);
    execFileSync('touch', [join(replica.folder, 'data', 'standby.signal')], { ...this.user });
    await this.start();
    await replica.start();
    await this.query('postgres', `alter system set synchronous_standby_names = '*'`);
    await this.query('postgres', 'select pg_reload_conf()');
    await waitFor('the replica is in sync', async () => {
      const rows = await this.query(
        'postgres',
        `select 1 from pg_stat_replication where sync_state = 'sync'`,
      );
      return rows.length > 0;
    });
    return replica;
  }

  /** Makes a replica the primary. It waits for no replica of its own. */
  async promote(): Promise<void> {
    await this.query('postgres', 'select pg_promote()');
    await this.query('postgres', 'alter system reset synchronous_standby_names');
    await this.query('postgres', 'select pg_reload_conf()');
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
    const all = [...given, ...speed, ...this.settings, ...settings];
    const flags = all.flatMap((setting) => ['-c', setting]);
    const bin = process.env['TEST_POSTGRES_BIN']!;
    const child = spawn(join(bin, 'postgres'), ['-D', join(this.folder, 'data'), ...flags], {
      ...this.user,
      cwd: this.folder,
      stdio: 'ignore',
    });
    this.#process = child;
    const end = () => void child.kill('SIGQUIT');
    process.once('exit', end);
    child.once('exit', () => process.off('exit', end));
    await waitFor('the server answers', async () => {
      await this.query('postgres', 'select 1');
      return true;
    });
  }

  /** SIGINT: clients are thrown out (57P01). SIGQUIT: at once, as in a crash; the next start recovers. */
  async stop(signal: 'SIGINT' | 'SIGQUIT' = 'SIGINT'): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  /** SIGKILL for every process of the server. The next start recovers. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    this.pause();
    const others = this.#children();
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    for (const pid of others) signalIfThere(pid, 'SIGKILL');
    await exited;
    // They hold its shared memory.
    await waitFor('no process of the server is left', () => !others.some(isAlive));
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
    for (const pid of this.#children()) signalIfThere(pid, signal);
  }

  #children(): number[] {
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return pids.filter((name) => parentOf(name) === this.#process?.pid).map(Number);
  }
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
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
