import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../config/config.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import { KigoLogin } from './kigo-login.js';
import type { KigoToken } from './kigo-token.js';
import { SharedTokenStore } from './shared-token-store.js';

/** How long we do not ask again after Kigo refused us: asking more would only lock the partner out. */
const REJECTION_BACKOFF_MS = 30_000;
const INITIAL_REFRESH_BACKOFF_MS = 1_000;
const MAX_REFRESH_BACKOFF_MS = 60_000;
const TOKEN_POLL_INTERVAL_MS = 100;

/**
 * The one partner token, for everybody. At most one login is under way, of all replicas where they share a Redis, and no caller
 * can cancel it.
 */
@Injectable()
export class KigoTokenService {
  /** Calls that waited for a token which another one had begun to get, since the start. */
  coalescedWaits = 0;
  private readonly logger = new Logger(KigoTokenService.name);
  private token: KigoToken | undefined;
  private lastOwnToken: string | undefined;
  private pendingRenewal: Promise<KigoToken> | undefined;
  /** The last token that Kigo refused: the shared cache may still hold it. */
  private lastInvalidated: string | undefined;
  private loginRejection: { readonly error: UpstreamError; readonly until: number } | undefined;
  private replayBlockedUntil = 0;
  private failedRefreshes = 0;
  private nextRefreshAt = 0;

  constructor(
    private readonly login: KigoLogin,
    private readonly vault: SharedTokenStore,
    private readonly config: Config,
  ) {}

  /** The times of the token in use, ms since the epoch; undefined while there is none. */
  get current(): Pick<KigoToken, 'sentAt' | 'endsAt'> | undefined {
    return this.token;
  }

  /** @throws UpstreamError when there is no living token and none can be had */
  async get(): Promise<string> {
    const token = this.token;
    const now = Date.now();
    const shared = this.pendingRenewal !== undefined;
    if (!token || token.endsAt <= now) {
      if (shared) this.coalescedWaits += 1;
      return (await this.renew()).value;
    }
    if (now < token.refreshAt || now < this.nextRefreshAt) return token.value;
    const renewed = this.renew();
    if (now < token.blockingRefreshAt) {
      // The flight reports its own failure.
      renewed.catch(() => undefined);
      return token.value;
    }
    if (shared) this.coalescedWaits += 1;
    try {
      return (await renewed).value;
    } catch (error) {
      if (this.token === token && Date.now() < token.endsAt) return token.value;
      throw error;
    }
  }

  /**
   * Says that Kigo refused this token. Only the token in use is dropped: callers who were refused with an older one just ask again.
   * @returns false when a new token is not to be asked for, since a new one was refused as well, a short while ago
   */
  invalidate(value: string): boolean {
    if (this.token?.value !== value) return true;
    if (Date.now() < this.replayBlockedUntil) return false;
    this.lastInvalidated = value;
    this.token = undefined;
    return true;
  }

  /** Whether a token comes from the last login of this process, and not from another replica. */
  wasIssuedHere(value: string): boolean {
    return this.lastOwnToken === value;
  }

  /** Says that a token was refused right after another one: more logins would not help. */
  blockRenewals(): void {
    this.replayBlockedUntil = Date.now() + REJECTION_BACKOFF_MS;
  }

  /** Uses a token that was had in another way: with a new API key. */
  adopt(token: KigoToken): void {
    this.token = token;
    this.loginRejection = undefined;
    void this.vault.put(token);
  }

  private renew(): Promise<KigoToken> {
    this.pendingRenewal ??= this.obtain().finally(() => (this.pendingRenewal = undefined));
    return this.pendingRenewal;
  }

  private async obtain(): Promise<KigoToken> {
    try {
      this.token = (await this.findShared()) ?? (await this.logInOrWait());
      this.failedRefreshes = 0;
      return this.token;
    } catch (error) {
      this.backOff();
      throw error;
    }
  }

  /** Another replica may have renewed the token already. */
  private async findShared(): Promise<KigoToken | undefined> {
    const shared = await this.vault.find();
    if (!shared || shared.value === this.lastInvalidated) return undefined;
    if (this.token && shared.sentAt <= this.token.sentAt) return undefined;
    return Date.now() < shared.blockingRefreshAt ? shared : undefined;
  }

  /** One replica logs in. The others wait for its token, but no longer than an attempt may take: it may have died. */
  private async logInOrWait(): Promise<KigoToken> {
    if (this.loginRejection && Date.now() < this.loginRejection.until) throw this.loginRejection.error;
    const { kigoTimeoutMs } = this.config;
    const waitDeadline = performance.now() + kigoTimeoutMs;
    while (!(await this.vault.mayLogIn(kigoTimeoutMs)) && performance.now() < waitDeadline) {
      await sleep(TOKEN_POLL_INTERVAL_MS);
      const shared = await this.findShared();
      if (shared) return shared;
    }
    try {
      const token = await this.logIn();
      // In this order: whoever may log in next is to find it. The caller need not wait for it.
      void this.vault.put(token).then(() => this.vault.loginEnded());
      return token;
    } catch (error) {
      void this.vault.loginEnded();
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
        this.loginRejection = { error, until: Date.now() + REJECTION_BACKOFF_MS };
        this.logger.error({ msg: 'Kigo login is refused; the next try is in 30 s', reason: error.message });
      }
      throw error;
    }
  }

  /** After a failure a token that still lives serves on, and the next refresh waits: full jitter, 1 s to 60 s. */
  private backOff(): void {
    const maxMs = Math.min(
      MAX_REFRESH_BACKOFF_MS,
      INITIAL_REFRESH_BACKOFF_MS * 2 ** Math.min(this.failedRefreshes, 10),
    );
    this.failedRefreshes += 1;
    this.nextRefreshAt = Date.now() + Math.random() * maxMs;
  }
}
