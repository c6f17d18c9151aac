import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { backoffMs } from '../async/backoff.js';
import { findBinaries } from './embedded-binaries.js';
import type { Binaries } from './embedded-binaries.js';
import { clusterFolder, createDataDir, hideFolder, openCluster, removeDrafts } from './embedded-cluster.js';
import { connect, inUse, tryLock, urlOf } from './embedded-connection.js';
import type { Connection } from './embedded-connection.js';
import { reasonOf } from './embedded-error.js';
import { endLeftoverServer, SHUTDOWN_MS } from './embedded-leftover.js';
import { findServerUser } from './embedded-user.js';
import type { ServerUser } from './embedded-user.js';
import { summarizeError } from '../log/error-summary.js';
import { StorageUnavailableError } from './storage-error.js';

const POLL_MS = 20;
const RESTART_BACKOFF = { initialMs: 50, maxMs: 5_000 };

/** Small: the server has one client, and shares the machine with it. Others have a server of their own. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 24,
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
        await endLeftoverServer(cluster, this.patienceMs, this.stopping.signal);
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

function isRunning(child: ChildProcess | undefined): boolean {
  return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
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
