import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { backoffMs } from '../async/backoff.js';

/** One client, connected once, and the commands that it sends. The signal that opened it also closes it. */
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
 * A command may take two 4 ms timer ticks. Ticks are counted instead of elapsed time so that a blocked event loop is not
 * blamed on Redis. A request sends three commands one after another (account, token, summary), and at most six (with a token
 * that Kigo has revoked and two attempts at the login lease), so Redis adds less than 50 ms.
 */
const TICK_MS = 4;
const TICK_BUDGET = 2;

const PING_INTERVAL_MS = 500;
/** After this many pings without any reply the connection may be half open and is replaced. */
const MAX_MISSED_PINGS = 6;
/** Includes authentication. */
const CONNECT_TIMEOUT_MS = 3_000;
const BACKOFF = { initialMs: 50, maxMs: 1_000 };
const ERROR_LOG_INTERVAL_MS = 60_000;

class TimeoutError extends Error {}

/**
 * Runs Redis commands so that none can delay a request for long. A command that times out counts as a miss and triggers a ping.
 * When the ping fails or times out too, commands are skipped until a ping in the background succeeds.
 */
export class RedisConnection<Commands> {
  /** When a ping was last answered in time. */
  lastSuccessAt: Date | undefined;
  private readonly logger = new Logger('Redis');
  /** Undefined while Redis is unavailable. */
  private session: RedisSession<Commands> | undefined;
  private pinging = false;
  private reported: 'available' | 'unavailable' | undefined;
  private errorLoggedAt = -Infinity;
  private closed = false;
  private end = new AbortController();

  constructor(private readonly open: (signal: AbortSignal) => RedisSession<Commands>) {
    void this.keepConnected();
  }

  get state(): 'up' | 'down' {
    return this.session ? 'up' : 'down';
  }

  /** @returns the reply; undefined when Redis is unavailable, times out or rejects the command */
  async run<T>(command: (commands: Commands) => Promise<T>): Promise<T | undefined> {
    const { session } = this;
    if (!session) return undefined;
    try {
      return await withTickBudget(command(session.commands));
    } catch (error) {
      // A command that Redis rejects (out of memory, read-only, wrong type) is only a miss.
      // Errors of a session that was already disabled carry no news.
      if (session !== this.session) return undefined;
      if (error instanceof TimeoutError) {
        this.logger.debug({ msg: 'Redis command timed out' });
        void this.ping(session);
      } else this.logError(error);
      return undefined;
    }
  }

  close(): void {
    this.closed = true;
    this.session = undefined;
    this.end.abort();
  }

  private async keepConnected(): Promise<void> {
    let failures = 0;
    while (!this.closed) {
      failures = (await this.runSession()) ? 0 : failures + 1;
      await sleep(backoffMs(failures + 1, BACKOFF), undefined, { ref: false });
    }
  }

  /**
   * Connects a new client and pings it until the connection ends. A client is never reconnected: it could end up with two
   * sockets and match replies to the wrong commands.
   * @returns whether Redis ever replied
   */
  private async runSession(): Promise<boolean> {
    const end = (this.end = new AbortController());
    const connectTimer = setTimeout(() => {
      this.disable(new TimeoutError());
      end.abort();
    }, CONNECT_TIMEOUT_MS).unref();
    let replied = false;
    try {
      const session = this.open(end.signal);
      const { client } = session;
      client.on('error', (error) => {
        // An aborted client reports the end that we asked for.
        if (!end.signal.aborted) this.disable(error);
      });
      await client.connect();
      clearTimeout(connectTimer);
      let missedPings = 0;
      while (client.isReady && missedPings < MAX_MISSED_PINGS) {
        missedPings += 1;
        // Even a late reply proves that the connection works.
        const onReply = () => {
          missedPings = 0;
          replied ||= client.isReady;
        };
        void this.ping(session, onReply);
        await sleep(PING_INTERVAL_MS, undefined, { ref: false });
      }
    } catch (error) {
      this.disable(error);
    } finally {
      clearTimeout(connectTimer);
      this.session = undefined;
      end.abort();
    }
    return replied;
  }

  /** An error reply (`LOADING`, `NOAUTH`, `MASTERDOWN`) makes Redis unavailable too, but does not end the connection. */
  private async ping(session: RedisSession<Commands>, onReply = () => {}): Promise<void> {
    if (this.pinging) return;
    this.pinging = true;
    try {
      const pong = session.client.ping();
      pong.then(onReply, onReply);
      await withTickBudget(pong);
    } catch (error) {
      this.disable(error);
      return;
    } finally {
      this.pinging = false;
    }
    if (this.closed || !session.client.isReady) return;
    this.session = session;
    this.lastSuccessAt = new Date();
    if (this.reported !== 'available') this.logger.log({ msg: 'Redis available' });
    this.reported = 'available';
  }

  private disable(reason: unknown): void {
    this.session = undefined;
    if (this.reported === 'unavailable' || this.closed) return;
    this.reported = 'unavailable';
    this.logger.warn({ msg: 'Redis unavailable; using local cache', reason: toErrorCode(reason) });
  }

  private logError(error: unknown): void {
    if (performance.now() - this.errorLoggedAt < ERROR_LOG_INTERVAL_MS) return;
    this.errorLoggedAt = performance.now();
    this.logger.warn({ msg: 'Redis command failed', reason: toErrorCode(error) });
  }
}

/** Rejects after the tick budget. A reply that is already in the socket buffer still counts. */
function withTickBudget<T>(reply: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let ticks = 0;
    const timer = setInterval(() => {
      ticks += 1;
      if (ticks < TICK_BUDGET) return;
      clearInterval(timer);
      setImmediate(() => reject(new TimeoutError()));
    }, TICK_MS);
    reply.finally(() => clearInterval(timer)).then(resolve, reject);
  });
}

/** Only a code: the message of an error may contain a key, a user name or an address. */
function toErrorCode(error: unknown): string {
  if (error instanceof TimeoutError) return 'timeout';
  const { code, message, constructor } = error as Partial<NodeJS.ErrnoException>;
  // The first word of an error reply, such as OOM, READONLY, WRONGTYPE, LOADING, NOAUTH. The client's own errors are all named Error.
  return code ?? /^[A-Z]{2,}(?= )/.exec(message ?? '')?.[0] ?? constructor?.name ?? 'unknown';
}
