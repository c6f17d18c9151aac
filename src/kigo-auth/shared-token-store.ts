import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { TieredCache } from '../cache/tiered-cache.js';
import { RedisStore } from '../cache/redis-store.js';
import { Config } from '../config/config.js';
import { KigoApiKey } from './kigo-api-key.js';
import { kigoScope } from './kigo-scope.js';
import { createToken } from './kigo-token.js';
import type { KigoToken } from './kigo-token.js';

const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Shares the token with the other replicas through the shared cache, encrypted (AES-256-GCM) with a key derived (HKDF-SHA-256,
 * RFC 5869) from the API key: who reads the cache, but does not hold the API key, learns nothing.
 */
@Injectable()
export class SharedTokenStore {
  private readonly cacheKey: string;

  constructor(
    private readonly layers: TieredCache,
    private readonly leases: RedisStore,
    private readonly key: KigoApiKey,
    config: Config,
  ) {
    this.cacheKey = `${kigoScope(config)}:token:v1`;
  }

  /** @returns undefined when there is none, it was not sealed by this key, or the cache cannot be used */
  async find(): Promise<KigoToken | undefined> {
    const encrypted = await this.layers.readShared(this.cacheKey);
    if (typeof encrypted !== 'string') return undefined;
    try {
      // What opens was sealed by a holder of the API key: its shape is ours.
      const { value, sentAt, endsAt } = JSON.parse(
        this.decrypt(Buffer.from(encrypted, 'base64')),
      ) as KigoToken;
      // The moment of the next refresh is drawn anew: replicas share the token, but not the moment.
      return createToken(value, sentAt, endsAt - sentAt);
    } catch {
      return undefined;
    }
  }

  async put(token: KigoToken): Promise<void> {
    const encrypted = this.encrypt(JSON.stringify(token)).toString('base64');
    await this.layers.writeShared(this.cacheKey, encrypted, token.endsAt - Date.now());
  }

  /**
   * Asks to be the one replica that logs in, for so long.
   * @returns false while another one does; true also when nobody can tell
   */
  async mayLogIn(lifeMs: number): Promise<boolean> {
    return (await this.leases.acquireLease(this.loginKey, lifeMs)) !== 'held';
  }

  async loginEnded(): Promise<void> {
    await this.leases.releaseLease(this.loginKey);
  }

  private get loginKey(): string {
    return `${this.cacheKey}:login`;
  }

  /** Replicas that have not changed to a new API key yet cannot read what others sealed with it: they log in by themselves. */
  private get secret(): Buffer {
    return Buffer.from(hkdfSync('sha256', this.key.current, this.cacheKey, 'rewards-gateway token', 32));
  }

  private encrypt(plaintext: string): Buffer {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.secret, iv).setAAD(Buffer.from(this.cacheKey));
    const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), ciphertext]);
  }

  private decrypt(bytes: Buffer): string {
    const decipher = createDecipheriv(ALGORITHM, this.secret, bytes.subarray(0, IV_BYTES), {
      authTagLength: TAG_BYTES,
    })
      .setAAD(Buffer.from(this.cacheKey))
      .setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
    return decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
  }
}
