import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFile, readlink, realpath, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { Client } from 'pg';
import { backoffMs } from '../async/backoff.js';
import { EMBEDDED_LOCK } from './advisory-locks.js';
import { findBinaries } from './embedded-binaries.js';
import type { Binaries } from './embedded-binaries.js';
import {
  clusterFolder,
  createDataDir,
  EMBEDDED_USER,
  hideFolder,
  openCluster,
  removeDrafts,
} from './embedded-cluster.js';
import type { Cluster } from './embedded-cluster.js';
import { EmbeddedDatabaseError, reasonOf } from './embedded-error.js';
import { findServerUser } from './embedded-user.js';
import type { ServerUser } from './embedded-user.js';
import { summarizeError } from '../log/error-summary.js';
import { sqlState, StorageUnavailableError } from './storage-error.js';

const POLL_MS = 20;
const RESTART_BACKOFF = { initialMs: 50, maxMs: 5_000 };
const CONNECT_TIMEOUT_MS = 2_000;
/** How long a server gets to shut down before it is made to. */
const SHUTDOWN_MS = 10_000;

/** Small: the server has one client, and shares the machine with it. Others have a server of their own. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 36,
  shared_buffers: '16MB',
  wal_buffers: '1MB',
  min_wal_size: '32MB',
  max_wal_size: '128MB',
  // No replication, and no processes for it.
  wal_level: 'minimal',
  max_wal_senders: 0,
  max_logical_replication_workers: 0,
  max_parallel_workers: 0,
  autovacuum_max_workers: 1,
  io_method: 'sync',
  jit: 'off',
  // Statements and values do not belong in a log.
  log_min_messages: 'fatal',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
};

const STARTING_OR_STOPPING = '57P03';

interface Connection {
  readonly client: Client;
  /** Resolves when the connection has ended. */
  readonly lost: Promise<void>;
  release(): Promise<void>;
}

/** A connection that holds the lock of the folder. */
interface Owner extends Connection {
  readonly url: string;
}

/**
 * PostgreSQL as a child process, with its files in `dataDir`. It runs while this object does: it is restarted when it ends, and a
 * server that a killed gateway has left is ended first. One process owns the folder: the one whose connection holds a lock in the
 * server, which PostgreSQL releases when that process ends, however it ends.
 */
export class EmbeddedServer {
  private readonly dataDir: string;
  private readonly logger = new Logger('Database');
  private prepared: { binaries: Binaries; user: ServerUser | undefined } | undefined;
  private child: ChildProcess | undefined;
  private port: number | undefined;
  private lastOutput = '';
  private running: Promise<string> | undefined;
  private readonly stopping = new AbortController();
  private supervision: Promise<void> | undefined;
  /** Nothing asynchronous can run then. The server shuts down after this process. */
  private readonly endWithProcess = () => void this.child?.kill('SIGINT');

  /** @param patienceMs how long a server that another gateway has left may take to respond */
  constructor(
    dataDir: string,
    private readonly patienceMs = 10_000,
  ) {
    this.dataDir = resolve(dataDir);
  }

  /**
   * Starts the server, unless it is running or starting.
   * @returns its URL, which stays the same when the server is restarted
   * @throws EmbeddedDatabaseError where no later call can succeed; StorageUnavailableError
   */
  start(): Promise<string> {
    this.running ??= this.open().catch((error: unknown) => {
      this.running = undefined;
      throw error;
    });
    return this.running;
  }

  /** Shuts the server down, so that its next start has nothing to recover. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running?.catch(() => undefined);
    // It rejects when it was waiting to start the server again.
    await this.supervision?.catch(() => undefined);
    await this.endChild();
  }

  private async open(): Promise<string> {
    this.stopping.signal.throwIfAborted();
    const owner = await this.acquire();
    await removeDrafts(this.dataDir);
    this.supervision = this.supervise(owner);
    return owner.url;
  }

  /** Restarts the server whenever it has ended, until `stop`. */
  private async supervise(first: Owner): Promise<void> {
    const { signal } = this.stopping;
    for (let owner = first; ; owner = await this.reacquire()) {
      await Promise.race([owner.lost, once(signal, 'abort')]);
      if (signal.aborted) return owner.release();
      this.logger.warn({ msg: 'the embedded PostgreSQL has ended', reason: this.endReason() });
    }
  }

  /** Tries until it succeeds or `stop` is called. */
  private async reacquire(): Promise<Owner> {
    for (let failures = 1, told = ''; ; failures += 1) {
      try {
        const owner = await this.acquire();
        this.logger.log({ msg: 'the embedded PostgreSQL runs again' });
        return owner;
      } catch (error) {
        // Another gateway has taken the folder meanwhile. Thrown where nobody waits, it ends the process.
        if (!(error instanceof StorageUnavailableError)) throw error;
        if (error.message !== told)
          this.logger.warn({ msg: 'the embedded PostgreSQL does not start', reason: error.message });
        told = error.message;
      }
      await sleep(backoffMs(failures, RESTART_BACKOFF), undefined, { signal: this.stopping.signal });
    }
  }

  /** Makes sure that the server runs, and that this process is its owner. */
  private async acquire(): Promise<Owner> {
    const { binaries, user } = (this.prepared ??= await this.prepare());
    const cluster = await openCluster(this.dataDir, binaries, user);
    for (;;) {
      const started = !isRunning(this.child);
      if (started) {
        await this.endLeftover(cluster);
        this.port ??= await freePort();
        this.child = this.spawn(binaries.postgres, cluster.data, this.port, user);
      }
      const url = urlOf(this.port!, cluster.password);
      const connection = await this.connectWhenReady(url);
      if (connection !== undefined) {
        if (await tryLock(connection.client)) return { url, ...connection };
        await connection.release();
        throw inUse();
      }
      if (started)
        throw new StorageUnavailableError(`the embedded PostgreSQL does not start: ${this.endReason()}`);
    }
  }

  private async prepare(): Promise<{ binaries: Binaries; user: ServerUser | undefined }> {
    const user = findServerUser(clusterFolder(this.dataDir));
    await createDataDir(this.dataDir, user);
    return { user, binaries: await findBinaries(this.dataDir, user) };
  }

  private spawn(postgres: string, data: string, port: number, user: ServerUser | undefined): ChildProcess {
    const flags = Object.entries({ ...SETTINGS, port }).flatMap(([name, value]) => [
      '-c',
      `${name}=${value}`,
    ]);
    this.lastOutput = '';
    const child = spawn(postgres, ['-D', data, ...flags], {
      ...user,
      cwd: data,
      env: { TZ: 'UTC' },
      stdio: ['ignore', 'ignore', 'pipe'],
      // Not in the group of this process: Ctrl-C in a terminal would stop it before the requests in flight are answered.
      detached: true,
    });
    child.on('error', (error) => (this.lastOutput = error.message));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.lastOutput = (this.lastOutput + text).slice(-4_096);
    });
    process.off('exit', this.endWithProcess).once('exit', this.endWithProcess);
    return child;
  }

  /** A connection once the server has started or recovered, which may take minutes; undefined when it has ended. */
  private async connectWhenReady(url: string): Promise<Connection | undefined> {
    while (isRunning(this.child)) {
      this.stopping.signal.throwIfAborted();
      try {
        return await connect(url);
      } catch {
        await sleep(POLL_MS);
      }
    }
    return undefined;
  }

  /**
   * Ends a server on these files that a gateway that no longer runs has left.
   * @throws EmbeddedDatabaseError while that gateway runs, or when nobody can tell
   */
  private async endLeftover({ data, password }: Cluster): Promise<void> {
    for (const since = performance.now(); ; await sleep(POLL_MS)) {
      this.stopping.signal.throwIfAborted();
      const left = await findLeftover(data);
      if (left === undefined) return;
      const { pid, port } = left;
      const connection = await connect(urlOf(port, password)).catch((error: unknown) => {
        // It may be starting or shutting down, as it says, or not listen yet.
        if (sqlState(error) === STARTING_OR_STOPPING || performance.now() - since < this.patienceMs) return;
        throw new EmbeddedDatabaseError(
          `process ${pid} uses the files in DATA_DIR and does not respond: end it, name another folder, or set DATABASE_URL`,
          { cause: error },
        );
      });
      if (connection === undefined) continue;
      try {
        if (!(await tryLock(connection.client))) throw inUse();
        await endServer(pid);
      } finally {
        await connection.release();
      }
    }
  }

  private async endChild(): Promise<void> {
    const { child } = this;
    if (child === undefined || !isRunning(child)) return;
    const ended = once(child, 'exit');
    // Fast shutdown: connections are ended, and a checkpoint is written. SIGQUIT does not wait for that.
    child.kill('SIGINT');
    const force = setTimeout(() => child.kill('SIGQUIT'), SHUTDOWN_MS);
    await ended;
    clearTimeout(force);
    process.off('exit', this.endWithProcess);
  }

  private endReason(): string {
    const { exitCode = null, signalCode = null } = this.child ?? {};
    if (this.lastOutput !== '') return hideFolder(reasonOf(this.lastOutput), this.dataDir);
    return signalCode ?? (exitCode === null ? 'connection lost' : `exit code ${exitCode}`);
  }
}

function inUse(): EmbeddedDatabaseError {
  return new EmbeddedDatabaseError(
    'DATA_DIR is in use by another gateway: stop it, name another folder, or set DATABASE_URL so that several can share a database',
  );
}

function urlOf(port: number, password: string): string {
  return `postgresql://${EMBEDDED_USER}:${password}@127.0.0.1:${port}/postgres`;
}

async function endServer(pid: number): Promise<void> {
  process.kill(pid, 'SIGINT');
  for (const since = performance.now(); isAlive(pid); await sleep(POLL_MS))
    if (performance.now() - since > SHUTDOWN_MS) process.kill(pid, 'SIGQUIT');
}

async function connect(url: string): Promise<Connection> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  });
  // An error is followed by the end.
  client.on('error', () => undefined);
  const lost = new Promise<void>((resolveLost) => void client.once('end', resolveLost));
  await client.connect();
  return { client, lost, release: () => client.end().catch(() => undefined) };
}

async function tryLock(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_lock($1) as held', [
    EMBEDDED_LOCK,
  ]);
  return rows[0]?.held === true;
}

function isRunning(child: ChildProcess | undefined): boolean {
  return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** A server that runs on these files: its process id and port, by the file that it writes when it starts. */
async function findLeftover(data: string): Promise<{ pid: number; port: number } | undefined> {
  const path = join(data, 'postmaster.pid');
  // Line 1 is the process id, line 4 the port: https://www.postgresql.org/docs/18/storage-file-layout.html
  const [pid = 0, , , port = 0] = (await readFile(path, 'utf8').catch(() => '')).split('\n').map(Number);
  if (!pid || !isAlive(pid)) return undefined;
  if (!(await isElsewhere(pid, data))) return { pid, port };
  // The id of a process that ended without removing the file, in use again. PostgreSQL would not start.
  await rm(path, { force: true });
  return undefined;
}

/** Whether a process works in another folder than a server on these files does. False where the system does not say. */
async function isElsewhere(pid: number, data: string): Promise<boolean> {
  const folder = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
  return folder !== undefined && folder !== (await realpath(data));
}

/** A free port below those that systems give to outgoing connections: the server needs the same one again when it restarts. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const server = createServer();
    const listening = once(server, 'listening');
    server.listen(port, '127.0.0.1');
    try {
      await listening;
      return port;
    } catch (error) {
      const { code } = summarizeError(error);
      if (code !== 'EADDRINUSE')
        throw new StorageUnavailableError(`no port on 127.0.0.1 (${code})`, { cause: error });
    } finally {
      server.close();
    }
  }
}
