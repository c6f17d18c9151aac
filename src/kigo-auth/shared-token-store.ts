import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { TieredCache } from '../cache/tiered-cache.js';
import { Config } from '../config/config.js';
import { decodeUtf8 } from '../config/utf8.js';
import { KigoApiKey } from './kigo-api-key.js';
import { kigoKeyPrefix } from './kigo-http.js';
import { createToken } from './kigo-token.js';
import type { KigoToken } from './kigo-token.js';

/** Its age is that of the entry. */
interface SharedToken {
  readonly value: string;
  readonly ttlMs: number;
}

const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Shares the token with the other replicas through the shared cache. The token is encrypted (AES-256-GCM) with a key that is derived
 * (HKDF-SHA-256, RFC 5869) from the API key, so that read access to the cache does not reveal it.
 */
@Injectable()
export class SharedTokenStore {
  private readonly cacheKey: string;

  constructor(
    private readonly cache: TieredCache,
    private readonly apiKey: KigoApiKey,
    config: Config,
  ) {
    this.cacheKey = `${kigoKeyPrefix(config)}:token:v2`;
  }

  /** @returns undefined if there is no token, if it was encrypted with another API key, or if the cache is unavailable */
  async find(): Promise<KigoToken | undefined> {
    const shared = await this.cache.readShared(this.cacheKey);
    if (typeof shared?.value !== 'string') return undefined;
    try {
      // Only a holder of the API key can have encrypted it, so its shape is known.
      const token = JSON.parse(this.decrypt(Buffer.from(shared.value, 'base64'))) as SharedToken;
      // Replicas share the token, but each draws its own time to refresh it.
      return createToken(token.value, performance.now() - shared.ageMs, token.ttlMs);
    } catch {
      return undefined;
    }
  }

  async put(token: KigoToken): Promise<void> {
    const { value, issuedAt, expiresAt } = token;
    const shared: SharedToken = { value, ttlMs: expiresAt - issuedAt };
    const encrypted = this.encrypt(JSON.stringify(shared)).toString('base64');
    const now = performance.now();
    await this.cache.writeShared(this.cacheKey, encrypted, expiresAt - now, now - issuedAt);
  }

  /** During a key rotation, replicas that still use the old API key cannot decrypt tokens of the others, and log in themselves. */
  private get encryptionKey(): Buffer {
    return Buffer.from(hkdfSync('sha256', this.apiKey.current, this.cacheKey, 'rewards-gateway token', 32));
  }

  private encrypt(plaintext: string): Buffer {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.encryptionKey, iv).setAAD(Buffer.from(this.cacheKey));
    const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), ciphertext]);
  }

  private decrypt(bytes: Buffer): string {
    const decipher = createDecipheriv(ALGORITHM, this.encryptionKey, bytes.subarray(0, IV_BYTES), {
      authTagLength: TAG_BYTES,
    })
      .setAAD(Buffer.from(this.cacheKey))
      .setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
    return decodeUtf8(
      Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]),
    );
  }
}
