import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { backoffMs } from '../async/backoff.js';
import { Config } from '../config/config.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import { KigoLogin } from './kigo-login.js';
import type { KigoTokenStatus } from './kigo-token-status.js';
import type { KigoToken } from './kigo-token.js';
import { LoginLock } from './login-lock.js';
import { SharedTokenStore } from './shared-token-store.js';

/** Back off for 30 s after Kigo rejected our credentials: more logins could lock the partner out. */
const REJECTION_BACKOFF_MS = 30_000;
const REFRESH_BACKOFF = { initialMs: 1_000, maxMs: 60_000, jitter: 1 };
const TOKEN_POLL_INTERVAL_MS = 100;

type SettledState =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'active';
      readonly token: KigoToken;
      readonly nextRefreshAt: number;
      readonly failedRefreshes: number;
    }
  | {
      /** Kigo rejected the login. A token that is still valid stays in use. */
      readonly kind: 'blocked';
      readonly token: KigoToken | undefined;
      readonly error: UpstreamError;
      readonly until: number;
    };

type TokenState =
  | SettledState
  | {
      readonly kind: 'refreshing';
      /** What holds while the renewal is in flight, and the state that a failed renewal starts from. */
      readonly previous: SettledState;
      readonly renewal: Promise<KigoToken>;
    };

/**
 * Holds the one partner token that all calls share. At most one login is in flight, across all replicas that share a Redis, and
 * no caller can cancel it. Times are milliseconds by `performance.now()`.
 */
@Injectable()
export class KigoTokenService implements KigoTokenStatus {
  private readonly logger = new Logger(KigoTokenService.name);
  private state: TokenState = { kind: 'none' };
  private coalescedCount = 0;
  /** Until then no token is dropped although Kigo rejects it, whatever the state: a new token was rejected as well. */
  private keepTokensUntil = -Infinity;
  private lastOwnToken: string | undefined;
  /** The shared store may still hold the token that was invalidated last. */
  private lastInvalidated: string | undefined;

  constructor(
    private readonly login: KigoLogin,
    private readonly store: SharedTokenStore,
    private readonly lock: LoginLock,
    private readonly config: Config,
  ) {}

  get current(): KigoToken | undefined {
    return tokenIn(this.settled);
  }

  get coalescedWaits(): number {
    return this.coalescedCount;
  }

  /** @throws UpstreamError when there is no valid token and none can be obtained */
  async get(): Promise<string> {
    const token = this.current;
    if (!token || token.expiresAt <= performance.now()) return (await this.waitForRenewal()).value;
    if (!this.isRefreshDue()) return token.value;
    if (performance.now() < token.blockingRefreshAt) {
      // Nobody waits for a refresh in the background. Its failure sets the time of the next one.
      this.renew().catch(() => undefined);
      return token.value;
    }
    try {
      return (await this.waitForRenewal()).value;
    } catch (error) {
      if (this.current === token && performance.now() < token.expiresAt) return token.value;
      throw error;
    }
  }

  /**
   * Drops a token that Kigo rejected. Callers that used an older token just ask again for the current one.
   * @returns false when the token is kept, because Kigo rejected a new token as well a short time ago
   */
  invalidate(value: string): boolean {
    const { settled } = this;
    if (tokenIn(settled)?.value !== value) return true;
    if (performance.now() < this.keepTokensUntil) return false;
    this.lastInvalidated = value;
    this.settle(settled.kind === 'blocked' ? { ...settled, token: undefined } : { kind: 'none' });
    return true;
  }

  /** Whether a token comes from the last login of this process and not from another replica. */
  wasIssuedHere(value: string): boolean {
    return this.lastOwnToken === value;
  }

  /** Keeps whatever token is current for a while: Kigo rejected one right after another, so more logins would not help. */
  blockRenewals(): void {
    this.keepTokensUntil = performance.now() + REJECTION_BACKOFF_MS;
  }

  /** Uses a token from a login with a new API key. */
  adopt(token: KigoToken): void {
    this.settle(active(token));
    void this.store.put(token);
  }

  private get settled(): SettledState {
    return this.state.kind === 'refreshing' ? this.state.previous : this.state;
  }

  private settle(settled: SettledState): void {
    this.state = this.state.kind === 'refreshing' ? { ...this.state, previous: settled } : settled;
  }

  private isRefreshDue(): boolean {
    const { state } = this;
    if (state.kind === 'active') return performance.now() >= state.nextRefreshAt;
    if (state.kind === 'blocked') return performance.now() >= state.until;
    return true;
  }

  private waitForRenewal(): Promise<KigoToken> {
    if (this.state.kind === 'refreshing') this.coalescedCount += 1;
    return this.renew();
  }

  private renew(): Promise<KigoToken> {
    const previous = this.state;
    if (previous.kind === 'refreshing') return previous.renewal;
    const renewal = this.obtain().then(
      (token) => {
        this.state = active(token);
        return token;
      },
      (error: unknown) => {
        this.state = afterFailure(this.settled, error);
        throw error;
      },
    );
    this.state = { kind: 'refreshing', previous, renewal };
    return renewal;
  }

  private async obtain(): Promise<KigoToken> {
    return (await this.findShared()) ?? (await this.logInOrWait());
  }

  /** Another replica may have renewed the token already. */
  private async findShared(): Promise<KigoToken | undefined> {
    const shared = await this.store.find();
    if (!shared || shared.value === this.lastInvalidated) return undefined;
    const { current } = this;
    if (current && (shared.value === current.value || shared.issuedAt <= current.issuedAt)) return undefined;
    return performance.now() < shared.blockingRefreshAt ? shared : undefined;
  }

  /** One replica logs in. The others wait for its token, but no longer than one attempt may take, since that replica may have died. */
  private async logInOrWait(): Promise<KigoToken> {
    const { settled } = this;
    if (settled.kind === 'blocked' && performance.now() < settled.until) throw settled.error;
    const { kigoTimeoutMs } = this.config;
    const waitDeadline = performance.now() + kigoTimeoutMs;
    for (let waited = false; ; waited = true) {
      const acquired = await this.lock.acquire(kigoTimeoutMs);
      // Looked up after the lock is acquired: the replica that held it stored its token before it released it.
      const shared = waited ? await this.findShared() : undefined;
      if (shared && acquired) void this.lock.release();
      if (shared) return shared;
      if (acquired || performance.now() >= waitDeadline) break;
      await sleep(TOKEN_POLL_INTERVAL_MS);
    }
    try {
      const token = await this.logIn();
      // The token is stored before the lock is released, so that the next replica finds it. The caller does not wait for either.
      void this.store.put(token).then(() => this.lock.release());
      return token;
    } catch (error) {
      void this.lock.release();
      throw error;
    }
  }

  private async logIn(): Promise<KigoToken> {
    try {
      const token = await this.login.logIn();
      this.lastOwnToken = token.value;
      return token;
    } catch (error) {
      if (error instanceof UpstreamError && !error.transient && !error.rejectedLocally) {
        this.settle({
          kind: 'blocked',
          token: this.current,
          error,
          until: performance.now() + REJECTION_BACKOFF_MS,
        });
        this.logger.error({ msg: 'Kigo login rejected; next attempt in 30 s', reason: error.message });
      }
      throw error;
    }
  }
}

function tokenIn(state: SettledState): KigoToken | undefined {
  return state.kind === 'none' ? undefined : state.token;
}

function active(token: KigoToken): SettledState {
  return { kind: 'active', token, nextRefreshAt: token.refreshAt, failedRefreshes: 0 };
}

/** A token that is still valid stays in use, and the next refresh waits. */
function afterFailure(state: SettledState, error: unknown): SettledState {
  if (state.kind === 'blocked' && state.error === error) return state;
  const token = tokenIn(state);
  if (!token) return { kind: 'none' };
  const failedRefreshes = state.kind === 'active' ? state.failedRefreshes + 1 : 1;
  const nextRefreshAt = Math.max(
    token.refreshAt,
    performance.now() + backoffMs(failedRefreshes, REFRESH_BACKOFF),
  );
  return { kind: 'active', token, nextRefreshAt, failedRefreshes };
}
