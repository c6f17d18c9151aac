import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { backoffMs } from '../async/backoff.js';

/** One client, connected once, and the commands that it sends. The signal that opened it also closes it. */
export interface RedisSession<Commands> {
  readonly client: {
    readonly isReady: boolean;
    connect(): Promise<unknown>;
    on(event: 'error', listener: (error: unknown) => void): unknown;
  };
  readonly commands: Commands;
  /** Sends every kind of command that we use, and rejects when Redis rejects one. */
  probe(): Promise<unknown>;
}

/** Error replies of a server that will work again. After any other, a new connection may reach a better server. */
const PASSING_ERRORS = new Set(['LOADING', 'OOM', 'MISCONF', 'BUSY', 'NOREPLICAS']);
/** An error reply that concerns one key. */
const KEY_ERROR = 'WRONGTYPE';

/**
 * A command may take two 4 ms timer ticks. Ticks are counted instead of elapsed time so that a blocked event loop is not
 * blamed on Redis. A request waits for three commands one after another (account, token, summary), and at most eleven (a user of a
 * batch with expired entries, a token that Kigo has revoked and another account), so Redis adds less than 90 ms.
 */
const TICK_MS = 4;
const TICK_BUDGET = 2;

const PROBE_INTERVAL_MS = 500;
/** After this many probes without any reply the connection may be half open and is replaced. */
const MAX_MISSED_PROBES = 6;
/** Includes authentication. */
const CONNECT_TIMEOUT_MS = 3_000;
const BACKOFF = { initialMs: 50, maxMs: 1_000 };
const ERROR_LOG_INTERVAL_MS = 60_000;

class TimeoutError extends Error {}

/**
 * Runs Redis commands so that none can delay a request for long. A command that times out counts as a miss and triggers a probe.
 * When the probe fails or times out too, or Redis rejects a command, commands are skipped until a probe in the background succeeds.
 */
export class RedisConnection<Commands> {
  /** When a probe last succeeded in time. */
  lastSuccessAt: Date | undefined;
  private readonly logger = new Logger('Redis');
  /** Undefined while Redis is unavailable. */
  private session: RedisSession<Commands> | undefined;
  private probing = false;
  private reported: 'available' | 'unavailable' | undefined;
  private errorLoggedAt = -Infinity;
  private closed = false;
  private end = new AbortController();

  constructor(private readonly open: (signal: AbortSignal) => Promise<RedisSession<Commands>>) {
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
      // Errors of a session that was already disabled carry no news.
      if (session !== this.session) return undefined;
      if (error instanceof TimeoutError) {
        this.logger.debug({ msg: 'Redis command timed out' });
        void this.probe(session);
      } else if (isErrorReply(error) && toErrorCode(error) !== KEY_ERROR) this.reject(error);
      else this.logError(error);
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
   * Connects a new client and probes it until the connection ends. A client is never reconnected: it could end up with two
   * sockets and match replies to the wrong commands.
   * @returns whether Redis ever accepted our commands
   */
  private async runSession(): Promise<boolean> {
    const end = (this.end = new AbortController());
    const connectTimer = setTimeout(() => {
      this.disable(new TimeoutError());
      end.abort();
    }, CONNECT_TIMEOUT_MS).unref();
    let replied = false;
    try {
      const session = await this.open(end.signal);
      const { client } = session;
      client.on('error', (error) => {
        // An aborted client reports the end that we asked for.
        if (!end.signal.aborted) this.disable(error);
      });
      await client.connect();
      clearTimeout(connectTimer);
      let missedProbes = 0;
      while (client.isReady && missedProbes < MAX_MISSED_PROBES) {
        missedProbes += 1;
        // Even a late reply proves that the connection works.
        const onReply = (accepted: boolean) => {
          missedProbes = 0;
          replied ||= accepted && client.isReady;
        };
        void this.probe(session, onReply);
        await sleep(PROBE_INTERVAL_MS, undefined, { ref: false, signal: end.signal });
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

  private async probe(
    session: RedisSession<Commands>,
    onReply: (accepted: boolean) => void = () => undefined,
  ): Promise<void> {
    if (this.probing) return;
    this.probing = true;
    try {
      const reply = session.probe();
      reply.then(
        () => onReply(true),
        () => onReply(false),
      );
      await withTickBudget(reply);
    } catch (error) {
      if (isErrorReply(error)) this.reject(error);
      else this.disable(error);
      return;
    } finally {
      this.probing = false;
    }
    if (this.closed || !session.client.isReady) return;
    this.session = session;
    this.lastSuccessAt = new Date();
    if (this.reported !== 'available') this.logger.log({ msg: 'Redis available' });
    this.reported = 'available';
  }

  /** Redis is up, but not for us: read-only after a failover, a node of a cluster, without permission, still loading. */
  private reject(error: unknown): void {
    this.disable(error);
    if (!PASSING_ERRORS.has(toErrorCode(error))) this.end.abort();
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

/** The client's own errors begin with a word in lower case. */
function isErrorReply(error: unknown): boolean {
  return error instanceof Error && /^[A-Z]{2,} /.test(error.message);
}

/** Only a code: the message of an error may contain a key, a user name or an address. */
export function toErrorCode(error: unknown): string {
  if (error instanceof TimeoutError) return 'timeout';
  const { code, message, constructor } = error as Partial<NodeJS.ErrnoException>;
  // The first word of an error reply, such as OOM, READONLY, WRONGTYPE, LOADING, NOAUTH. The client's own errors are all named Error.
  const reply = /^[A-Z]{2,}(?= )/.exec(message ?? '')?.[0];
  // Within a script, Redis 7.0 has no code of its own for it.
  if (reply === 'ERR' && message?.includes("can't run this command")) return 'NOPERM';
  return code ?? reply ?? constructor?.name ?? 'unknown';
}
