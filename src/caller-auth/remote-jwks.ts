import { Logger } from '@nestjs/common';
import { createLocalJWKSet, createRemoteJWKSet, customFetch } from 'jose';
import type { FetchImplementation, JSONWebKeySet, JWTVerifyGetKey } from 'jose';
import { decodeUtf8 } from '../config/utf8.js';

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
 * The keys that an issuer publishes (RFC 7517). To what jose does it adds that cached keys stay in use while the issuer is
 * unavailable, that failed fetches have a cooldown too, and that responses are limited in size.
 */
export class RemoteJwks {
  private readonly logger = new Logger('CallerAuth');
  private readonly keySet;
  private fetchedAt: number | undefined;
  private retryAt = 0;
  private failing = false;

  constructor(url: string) {
    this.keySet = createRemoteJWKSet(new URL(url), {
      cacheMaxAge: Infinity,
      cooldownDuration: COOLDOWN_MS,
      timeoutDuration: FETCH_TIMEOUT_MS,
      [customFetch]: (...request) => this.fetchKeys(...request),
    });
  }

  /**
   * The key of a token, in the form that jose asks for it.
   * @throws JwksUnavailableError when no key fits and the issuer is unavailable; JOSEError
   */
  readonly getKey: JWTVerifyGetKey = (header, token) => {
    if (this.fetchedAt !== undefined && Date.now() - this.fetchedAt > MAX_AGE_MS)
      void this.keySet.reload().catch(() => undefined);
    return this.keySet(header, token);
  };

  private readonly fetchKeys: FetchImplementation = async (url, options) => {
    if (Date.now() < this.retryAt) throw new JwksUnavailableError();
    try {
      const body = await readBody(await fetch(url, options));
      const set = JSON.parse(body) as JSONWebKeySet;
      // Throws when it is not a key set.
      createLocalJWKSet(set);
      if (set.keys.length === 0) throw new Error('the set is empty');
      this.fetchedAt = Date.now();
      if (this.failing) this.logger.log({ msg: 'JWKS fetch succeeded again' });
      this.failing = false;
      return new Response(body);
    } catch (error) {
      this.retryAt = Date.now() + (this.fetchedAt === undefined ? COOLDOWN_WITHOUT_KEYS_MS : COOLDOWN_MS);
      const reason = error instanceof Error ? error.name : 'unknown';
      if (!this.failing) this.logger.warn({ msg: 'JWKS fetch failed; using cached keys', reason });
      this.failing = true;
      throw new JwksUnavailableError();
    }
  };
}

async function readBody({ status, body }: Response): Promise<string> {
  if (status !== 200 || !body) throw new Error('the issuer did not respond with keys');
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_RESPONSE_BYTES) throw new Error('the response is too large');
    chunks.push(chunk);
  }
  return decodeUtf8(Buffer.concat(chunks));
}
