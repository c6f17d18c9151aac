import type { Dispatcher } from 'undici';
import { Logger } from '@nestjs/common';
import { createLocalJWKSet, errors } from 'jose';
import type { CryptoKey, JSONWebKeySet, JWTVerifyGetKey } from 'jose';
import type { ProxySettings } from '../config/proxy.js';
import { decodeUtf8 } from '../config/utf8.js';
import { createDispatcher } from '../upstream/outgoing.js';

const FETCH_TIMEOUT_MS = 5_000;
const MAX_RESPONSE_BYTES = 1024 * 1024;
/** Keys that the issuer has withdrawn are dropped after this time, as soon as the issuer responds. */
const MAX_AGE_MS = 300_000;
/** An unknown key makes us fetch again, but no more often than this, since anybody can make one up. */
const COOLDOWN_MS = 10_000;
const COOLDOWN_WITHOUT_KEYS_MS = 1_000;

/** The keys of the issuer cannot be fetched, so a token can be neither accepted nor rejected. */
export class JwksUnavailableError extends Error {}

/**
 * The keys that an issuer publishes (RFC 7517). Cached keys stay in use while the issuer is unavailable, and failed fetches have a
 * cooldown too. Jose's own remote set has neither, and measures its cooldown by the clock of the machine.
 */
export class RemoteJwks {
  private readonly logger = new Logger('CallerAuth');
  private keySet: ReturnType<typeof createLocalJWKSet> | undefined;
  /** How many times keys were fetched. */
  version = 0;
  private fetchedAt = -Infinity;
  private retryAt = -Infinity;
  private fetching: Promise<void> | undefined;
  private failing = false;

  private readonly dispatcher: Dispatcher;

  constructor(
    private readonly url: string,
    proxy: ProxySettings,
  ) {
    this.dispatcher = createDispatcher(url, proxy, { connections: 1, allowH2: false });
  }

  /**
   * All keys that a token may be signed with: a set may hold several that fit, even the same key twice.
   * @throws JwksUnavailableError when no key fits and the issuer is unavailable; JOSEError
   */
  async findKeys(...token: Parameters<JWTVerifyGetKey>): Promise<CryptoKey[]> {
    const now = performance.now();
    if (!this.keySet) await this.fetchKeys();
    else if (now - this.fetchedAt > MAX_AGE_MS && now >= this.retryAt)
      void this.fetchKeys().catch(() => undefined);
    try {
      return await this.findCached(...token);
    } catch (error) {
      const isOver = performance.now() - this.fetchedAt >= COOLDOWN_MS;
      if (!(error instanceof errors.JWKSNoMatchingKey) || !isOver) throw error;
    }
    await this.fetchKeys();
    return this.findCached(...token);
  }

  private async findCached(...token: Parameters<JWTVerifyGetKey>): Promise<CryptoKey[]> {
    try {
      return [await this.keySet!(...token)];
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      const keys: CryptoKey[] = [];
      for await (const key of error) keys.push(key);
      return keys;
    }
  }

  /** @throws JwksUnavailableError */
  private fetchKeys(): Promise<void> {
    if (performance.now() < this.retryAt) return Promise.reject(new JwksUnavailableError());
    this.fetching ??= this.fetch().finally(() => (this.fetching = undefined));
    return this.fetching;
  }

  private async fetch(): Promise<void> {
    try {
      const { origin, pathname, search } = new URL(this.url);
      const response = await this.dispatcher.request({
        method: 'GET',
        origin,
        path: pathname + search,
        headers: { accept: 'application/json, application/jwk-set+json' },
        signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
      });
      const set = JSON.parse(await readBody(response)) as JSONWebKeySet;
      // Throws when it is not a key set.
      const keySet = createLocalJWKSet(set);
      if (set.keys.length === 0) throw new Error('the set is empty');
      this.keySet = keySet;
      this.version += 1;
      this.fetchedAt = performance.now();
      if (this.failing) this.logger.log({ msg: 'JWKS fetch succeeded again' });
      this.failing = false;
    } catch (error) {
      this.retryAt = performance.now() + (this.keySet ? COOLDOWN_MS : COOLDOWN_WITHOUT_KEYS_MS);
      const reason = error instanceof Error ? error.name : 'unknown';
      if (!this.failing) this.logger.warn({ msg: 'JWKS fetch failed; using cached keys', reason });
      this.failing = true;
      throw new JwksUnavailableError();
    }
  }
}

async function readBody({ statusCode, body }: Dispatcher.ResponseData): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_RESPONSE_BYTES) throw new Error('the response is too large');
    chunks.push(chunk);
  }
  if (statusCode !== 200) throw new Error('the issuer did not respond with keys');
  return decodeUtf8(Buffer.concat(chunks));
}
