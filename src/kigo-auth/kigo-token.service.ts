import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../config/config.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import { KigoLogin } from './kigo-login.js';
import type { KigoToken } from './kigo-token.js';
import { TokenVault } from './shared-token-store.js';

/** How long we do not ask again after Kigo refused us: asking more would only lock the partner out. */
const refusalRestMs = 30_000;
const firstRefreshRestMs = 1_000;
const longestRefreshRestMs = 60_000;
const lookForTokenEveryMs = 100;

/**
 * The one partner token, for everybody. At most one login is under way, of all replicas where they share a Redis, and no caller
 * can cancel it.
 */
@Injectable()
export class KigoTokenService {
  /** Calls that waited for a token which another one had begun to get, since the start. */
  waits = 0;
  private readonly logger = new Logger(KigoTokenService.name);
  private current: KigoToken | undefined;
  private own: string | undefined;
  private flight: Promise<KigoToken> | undefined;
  /** The last token that Kigo refused: the shared cache may still hold it. */
  private discarded: string | undefined;
  private refusal: { readonly error: UpstreamError; readonly until: number } | undefined;
  private keepUntil = 0;
  private failedRefreshes = 0;
  private refreshRestUntil = 0;

  constructor(
    private readonly login: KigoLogin,
    private readonly vault: TokenVault,
    private readonly config: Config,
  ) {}

  /** The times of the token in use, ms since the epoch; undefined while there is none. */
  get life(): Pick<KigoToken, 'sentAt' | 'endsAt'> | undefined {
    return this.current;
  }

  /** @throws UpstreamError when there is no living token and none can be had */
  async get(): Promise<string> {
    const token = this.current;
    const now = Date.now();
    const shared = this.flight !== undefined;
    if (!token || token.endsAt <= now) {
      if (shared) this.waits += 1;
      return (await this.renew()).value;
    }
    if (now < token.refreshAt || now < this.refreshRestUntil) return token.value;
    const renewed = this.renew();
    if (now < token.mustRefreshAt) {
      // The flight reports its own failure.
      renewed.catch(() => undefined);
      return token.value;
    }
    if (shared) this.waits += 1;
    try {
      return (await renewed).value;
    } catch (error) {
      if (this.current === token && Date.now() < token.endsAt) return token.value;
      throw error;
    }
  }

  /**
   * Says that Kigo refused this token. Only the token in use is dropped: callers who were refused with an older one just ask again.
   * @returns false when a new token is not to be asked for, since a new one was refused as well, a short while ago
   */
  discard(value: string): boolean {
    if (this.current?.value !== value) return true;
    if (Date.now() < this.keepUntil) return false;
    this.discarded = value;
    this.current = undefined;
    return true;
  }

  /** Whether a token comes from the last login of this process, and not from another replica. */
  isOwn(value: string): boolean {
    return this.own === value;
  }

  /** Says that a token was refused right after another one: more logins would not help. */
  refusedAgain(): void {
    this.keepUntil = Date.now() + refusalRestMs;
  }

  /** Uses a token that was had in another way: with a new API key. */
  take(token: KigoToken): void {
    this.current = token;
    this.refusal = undefined;
    void this.vault.put(token);
  }

  private renew(): Promise<KigoToken> {
    this.flight ??= this.obtain().finally(() => (this.flight = undefined));
    return this.flight;
  }

  private async obtain(): Promise<KigoToken> {
    try {
      this.current = (await this.findShared()) ?? (await this.logInOrWait());
      this.failedRefreshes = 0;
      return this.current;
    } catch (error) {
      this.rest();
      throw error;
    }
  }

  /** Another replica may have renewed the token already. */
  private async findShared(): Promise<KigoToken | undefined> {
    const shared = await this.vault.find();
    if (!shared || shared.value === this.discarded) return undefined;
    if (this.current && shared.sentAt <= this.current.sentAt) return undefined;
    return Date.now() < shared.mustRefreshAt ? shared : undefined;
  }

  /** One replica logs in. The others wait for its token, but no longer than an attempt may take: it may have died. */
  private async logInOrWait(): Promise<KigoToken> {
    if (this.refusal && Date.now() < this.refusal.until) throw this.refusal.error;
    const { kigoTimeoutMs } = this.config;
    const patientUntil = performance.now() + kigoTimeoutMs;
    while (!(await this.vault.mayLogIn(kigoTimeoutMs)) && performance.now() < patientUntil) {
      await sleep(lookForTokenEveryMs);
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
      this.own = token.value;
      return token;
    } catch (error) {
      if (error instanceof UpstreamError && !error.transient && !error.heldBack) {
        this.refusal = { error, until: Date.now() + refusalRestMs };
        this.logger.error({ msg: 'Kigo login is refused; the next try is in 30 s', reason: error.message });
      }
      throw error;
    }
  }

  /** After a failure a token that still lives serves on, and the next refresh waits: full jitter, 1 s to 60 s. */
  private rest(): void {
    const longestMs = Math.min(
      longestRefreshRestMs,
      firstRefreshRestMs * 2 ** Math.min(this.failedRefreshes, 10),
    );
    this.failedRefreshes += 1;
    this.refreshRestUntil = Date.now() + Math.random() * longestMs;
  }
}
