import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { backoffMs } from '../async/backoff.js';
import { chooseAddress, discardAddress, settingsOf } from './embedded-address.js';
import { findBinaries } from './embedded-binaries.js';
import type { Binaries } from './embedded-binaries.js';
import { clusterFolder, createDataDir, hideFolder, openCluster, removeDrafts } from './embedded-cluster.js';
import { acquireLock, connect, urlOf } from './embedded-connection.js';
import type { Address, Connection } from './embedded-connection.js';
import { EmbeddedDatabaseError, reasonOf } from './embedded-error.js';
import { endLeftoverServer, SHUTDOWN_MS } from './embedded-leftover.js';
import { findServerUser } from './embedded-user.js';
import type { ServerUser } from './embedded-user.js';
import { summarizeError } from '../log/error-summary.js';
import { StorageUnavailableError } from './storage-error.js';

const POLL_MS = 20;
const RESTART_BACKOFF = { initialMs: 50, maxMs: 5_000 };

/** Small: the server has one client, and shares the machine with it. Others have a server of their own. */
const SETTINGS = {
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
  private address: Address | undefined;
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
    if (this.address !== undefined) await discardAddress(this.dataDir, this.address);
  }

  private async open(): Promise<string> {
    this.stopping.signal.throwIfAborted();
    const owner = await this.acquire({ mayCreate: true });
    // A file that cannot be removed is in the way of nothing: the next start tries again.
    await removeDrafts(this.dataDir).catch(() => undefined);
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
        const owner = await this.acquire({ mayCreate: false });
        this.logger.log({ msg: 'the embedded PostgreSQL runs again' });
        return owner;
      } catch (error) {
        // Another gateway has taken the folder meanwhile. Thrown where nobody waits, it ends the process.
        if (error instanceof EmbeddedDatabaseError || this.stopping.signal.aborted) throw error;
        const reason =
          error instanceof StorageUnavailableError ? error.message : String(summarizeError(error).code);
        if (reason !== told) this.logger.warn({ msg: 'the embedded PostgreSQL does not start', reason });
        told = reason;
      }
      await sleep(backoffMs(failures, RESTART_BACKOFF), undefined, { signal: this.stopping.signal });
    }
  }

  /** Makes sure that the server runs, and that this process is its owner. */
  private async acquire({ mayCreate }: { mayCreate: boolean }): Promise<Owner> {
    const { binaries, user } = (this.prepared ??= await this.prepare());
    const cluster = await openCluster(this.dataDir, { binaries, user, mayCreate });
    for (;;) {
      const started = !isRunning(this.child);
      if (started) {
        await endLeftoverServer(cluster, this.patienceMs, this.stopping.signal);
        this.address ??= await chooseAddress(this.dataDir, user);
        this.child = this.spawn(binaries.postgres, cluster.data, this.address, user);
      }
      const url = urlOf(this.address!, cluster.password);
      const connection = await this.connectWhenReady(url);
      if (connection !== undefined) {
        const owned = await acquireLock(connection).catch(async (error: unknown) => {
          await connection.release();
          throw error;
        });
        if (owned) return { url, ...connection };
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

  private spawn(
    postgres: string,
    data: string,
    address: Address,
    user: ServerUser | undefined,
  ): ChildProcess {
    const flags = Object.entries({ ...SETTINGS, ...settingsOf(address) }).flatMap(([name, value]) => [
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
      } catch (error) {
        if (error instanceof EmbeddedDatabaseError) throw error;
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
