import { setTimeout as rest } from 'node:timers/promises';
import { Logger } from '@nestjs/common';

/** One connection to Redis, and the commands that go through it. It ends with the signal that it was opened with. */
export interface RedisSession<Commands> {
  readonly client: {
    readonly isReady: boolean;
    connect(): Promise<unknown>;
    ping(): Promise<unknown>;
    on(event: 'error', listener: (error: unknown) => void): unknown;
  };
  readonly commands: Commands;
}

/**
 * A command may take two ticks. They are counted, not measured, since a blocked event loop is not Redis's fault. A request
 * makes three reads in a row (account, token, summary), six commands at the worst (a token that Kigo no longer knows, and the
 * right to log in, twice): together they stay below 50 ms, besides the time for which the loop is blocked.
 */
const tickMs = 4;
const ticks = 2;

const PING_INTERVAL_MS = 500;
/** A connection on which nothing at all was heard for so long may be half open: it is made anew. */
const MAX_MISSED_PINGS = 6;
/** Connecting and authenticating, together. */
const CONNECT_TIMEOUT_MS = 3_000;
const INITIAL_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 1_000;
const ERROR_LOG_INTERVAL_MS = 60_000;

class Late extends Error {}

/**
 * Runs Redis commands so that none can hold a request up. A late command is a miss; when a probe is late as well, Redis is put
 * aside and commands are skipped, until a probe in the background is answered in time again.
 */
export class RedisConnection<Commands> {
  /** When a probe was last answered in time. */
  lastSuccessAt: Date | undefined;
  private readonly logger = new Logger('Redis');
  private inUse: RedisSession<Commands> | undefined;
  private probing = false;
  private reported: 'in use' | 'aside' | undefined;
  private refusalLoggedAt = 0;
  private closed = false;
  private end = new AbortController();

  constructor(private readonly open: (signal: AbortSignal) => RedisSession<Commands>) {
    void this.keepConnected();
  }

  get state(): 'up' | 'down' {
    return this.inUse ? 'up' : 'down';
  }

  /** @returns the command's reply, or undefined when Redis is aside, late, broken or refuses */
  async run<T>(command: (commands: Commands) => Promise<T>): Promise<T | undefined> {
    const connection = this.inUse;
    if (!connection) return undefined;
    try {
      return await inTime(command(connection.commands));
    } catch (error) {
      // What Redis refuses (out of memory, read-only, an entry that is not ours) is a miss and nothing more.
      // An error after the connection was given up tells nothing new.
      if (connection !== this.inUse) return undefined;
      if (error instanceof Late) {
        this.logger.debug({ msg: 'Redis command timed out' });
        void this.probe(connection);
      } else this.reportRefusal(error);
      return undefined;
    }
  }

  close(): void {
    this.closed = true;
    this.inUse = undefined;
    this.end.abort();
  }

  private async keepConnected(): Promise<void> {
    let failures = 0;
    while (!this.closed) {
      failures = (await this.serve()) ? 0 : failures + 1;
      const restMs = Math.min(MAX_BACKOFF_MS, INITIAL_BACKOFF_MS * 2 ** failures) * (0.5 + Math.random());
      await rest(restMs, undefined, { ref: false });
    }
  }

  /**
   * Makes a connection and watches it until its end. Never the same client twice: one that is told to disconnect and to
   * connect may end up with two sockets, and with replies that belong to other commands.
   * @returns whether it was ever heard of
   */
  private async serve(): Promise<boolean> {
    const end = (this.end = new AbortController());
    const limit = setTimeout(() => {
      this.putAside(new Late());
      end.abort();
    }, CONNECT_TIMEOUT_MS).unref();
    let heard = false;
    try {
      const connection = this.open(end.signal);
      const { client } = connection;
      client.on('error', (error) => {
        // The end of a connection that was given up is no news.
        if (!end.signal.aborted) this.putAside(error);
      });
      await client.connect();
      clearTimeout(limit);
      let unanswered = 0;
      while (client.isReady && unanswered < MAX_MISSED_PINGS) {
        unanswered += 1;
        // However late, a reply proves that the connection is whole.
        const hear = () => {
          unanswered = 0;
          heard ||= client.isReady;
        };
        void this.probe(connection, hear);
        await rest(PING_INTERVAL_MS, undefined, { ref: false });
      }
    } catch (error) {
      this.putAside(error);
    } finally {
      clearTimeout(limit);
      this.inUse = undefined;
      end.abort();
    }
    return heard;
  }

  /** An error as the reply (`LOADING`, `NOAUTH`, `MASTERDOWN`) puts Redis aside as well, but does not end the connection. */
  private async probe(connection: RedisSession<Commands>, hear = () => {}): Promise<void> {
    if (this.probing) return;
    this.probing = true;
    try {
      const pong = connection.client.ping();
      pong.then(hear, hear);
      await inTime(pong);
    } catch (error) {
      this.putAside(error);
      return;
    } finally {
      this.probing = false;
    }
    if (this.closed || !connection.client.isReady) return;
    this.inUse = connection;
    this.lastSuccessAt = new Date();
    if (this.reported !== 'in use') this.logger.log({ msg: 'Redis available' });
    this.reported = 'in use';
  }

  private putAside(reason: unknown): void {
    this.inUse = undefined;
    if (this.reported === 'aside' || this.closed) return;
    this.reported = 'aside';
    this.logger.warn({ msg: 'Redis unavailable; using local cache', reason: codeOf(reason) });
  }

  private reportRefusal(error: unknown): void {
    if (Date.now() - this.refusalLoggedAt < ERROR_LOG_INTERVAL_MS) return;
    this.refusalLoggedAt = Date.now();
    this.logger.warn({ msg: 'Redis command failed', reason: codeOf(error) });
  }
}

/** Rejects when late. A reply that already lies in the socket still counts. */
function inTime<T>(reply: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let passed = 0;
    const timer = setInterval(() => {
      passed += 1;
      if (passed < ticks) return;
      clearInterval(timer);
      setImmediate(() => reject(new Late()));
    }, tickMs);
    reply.finally(() => clearInterval(timer)).then(resolve, reject);
  });
}

/** A code alone: the text of an error may hold a key, a user name or an address. */
function codeOf(error: unknown): string {
  if (error instanceof Late) return 'late';
  const { code, message, name } = error as Partial<NodeJS.ErrnoException>;
  // The first word of an error reply: OOM, READONLY, WRONGTYPE, LOADING, NOAUTH.
  return code ?? /^[A-Z]{2,}(?= )/.exec(message ?? '')?.[0] ?? name ?? 'unknown';
}
