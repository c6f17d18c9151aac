import { Logger } from '@nestjs/common';
import { createLocalJWKSet, errors } from 'jose';
import type { JSONWebKeySet, JWTVerifyGetKey } from 'jose';

const FETCH_TIMEOUT_MS = 5_000;
const MAX_RESPONSE_BYTES = 1024 * 1024;
/** Keys that the issuer has withdrawn are forgotten after this time, as soon as the issuer can be asked. */
const MAX_AGE_MS = 300_000;
/** A key that nobody knows makes us ask again, but no more often: anybody can make one up. */
const COOLDOWN_MS = 10_000;
const COOLDOWN_WITHOUT_KEYS_MS = 1_000;

/** The issuer cannot be asked, so nothing can be said of a token. */
export class JwksUnavailableError extends Error {}

/** The keys that an issuer publishes (RFC 7517). While it cannot be asked, the last ones that it gave stay in use. */
export class RemoteJwks {
  private readonly logger = new Logger('CallerAuth');
  private keys: JWTVerifyGetKey | undefined;
  private lastFetchAt = -Infinity;
  private failing = false;
  private pendingFetch: Promise<void> | undefined;

  constructor(private readonly url: string) {}

  /**
   * The key of a token, as jose asks for it.
   * @throws KeysUnavailable when there are no keys, or none fits and the issuer cannot be asked for newer ones; JOSEError
   */
  readonly getKey: JWTVerifyGetKey = async (header, token) => {
    const known = this.keys;
    if (known) {
      if (Date.now() - this.lastFetchAt > MAX_AGE_MS) void this.refresh(COOLDOWN_MS);
      try {
        return await known(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      }
    }
    await this.refresh(known ? COOLDOWN_MS : COOLDOWN_WITHOUT_KEYS_MS);
    if (!this.keys) throw new JwksUnavailableError();
    try {
      return await this.keys(header, token);
    } catch (error) {
      throw this.failing && error instanceof errors.JWKSNoMatchingKey ? new JwksUnavailableError() : error;
    }
  };

  /** Asks the issuer, unless that was done a short while ago. */
  private async refresh(rest: number): Promise<void> {
    if (!this.pendingFetch && Date.now() - this.lastFetchAt < rest) return;
    this.pendingFetch ??= this.fetchKeys().finally(() => (this.pendingFetch = undefined));
    await this.pendingFetch;
  }

  private async fetchKeys(): Promise<void> {
    this.lastFetchAt = Date.now();
    try {
      const set = JSON.parse(await this.fetch()) as JSONWebKeySet;
      // What is no key set at all is refused here.
      const keys = createLocalJWKSet(set);
      if (set.keys.length === 0) throw new Error('the set is empty');
      this.keys = keys;
      if (this.failing) this.logger.log({ msg: 'JWKS fetch succeeded again' });
      this.failing = false;
    } catch (error) {
      if (!this.failing)
        this.logger.warn({
          msg: 'JWKS fetch failed; using cached keys',
          reason: error instanceof Error ? error.name : 'unknown',
        });
      this.failing = true;
    }
  }

  private async fetch(): Promise<string> {
    const response = await fetch(this.url, {
      headers: { accept: 'application/jwk-set+json, application/json' },
      redirect: 'error',
      signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
    });
    if (!response.ok || !response.body) throw new Error('the issuer gave no keys');
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body) {
      size += chunk.length;
      if (size > MAX_RESPONSE_BYTES) throw new Error('the answer is too large');
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  }
}
