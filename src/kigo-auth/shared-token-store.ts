import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { CacheLayers } from '../cache/cache-layers.js';
import { RedisLeases } from '../cache/redis-leases.js';
import { Config } from '../config/config.js';
import { KigoApiKey } from './kigo-api-key.js';
import { kigoScope } from './kigo-scope.js';
import { tokenFrom } from './kigo-token.js';
import type { KigoToken } from './kigo-token.js';

const algorithm = 'aes-256-gcm';
const ivBytes = 12;
const tagBytes = 16;

/**
 * Shares the token with the other replicas through the shared cache, encrypted (AES-256-GCM) with a key derived (HKDF-SHA-256,
 * RFC 5869) from the API key: who reads the cache, but does not hold the API key, learns nothing.
 */
@Injectable()
export class TokenVault {
  private readonly cacheKey: string;

  constructor(
    private readonly layers: CacheLayers,
    private readonly leases: RedisLeases,
    private readonly key: KigoApiKey,
    config: Config,
  ) {
    this.cacheKey = `${kigoScope(config)}:token:v1`;
  }

  /** @returns undefined when there is none, it was not sealed by this key, or the cache cannot be used */
  async find(): Promise<KigoToken | undefined> {
    const sealed = await this.layers.readShared(this.cacheKey);
    if (typeof sealed !== 'string') return undefined;
    try {
      // What opens was sealed by a holder of the API key: its shape is ours.
      const { value, sentAt, endsAt } = JSON.parse(this.open(Buffer.from(sealed, 'base64'))) as KigoToken;
      // The moment of the next refresh is drawn anew: replicas share the token, but not the moment.
      return tokenFrom(value, sentAt, endsAt - sentAt);
    } catch {
      return undefined;
    }
  }

  async put(token: KigoToken): Promise<void> {
    const sealed = this.seal(JSON.stringify(token)).toString('base64');
    await this.layers.writeShared(this.cacheKey, sealed, token.endsAt - Date.now());
  }

  /**
   * Asks to be the one replica that logs in, for so long.
   * @returns false while another one does; true also when nobody can tell
   */
  async mayLogIn(lifeMs: number): Promise<boolean> {
    return (await this.leases.take(this.loginKey, lifeMs)) !== 'held';
  }

  async loginEnded(): Promise<void> {
    await this.leases.giveBack(this.loginKey);
  }

  private get loginKey(): string {
    return `${this.cacheKey}:login`;
  }

  /** Replicas that have not changed to a new API key yet cannot read what others sealed with it: they log in by themselves. */
  private get secret(): Buffer {
    return Buffer.from(hkdfSync('sha256', this.key.current, this.cacheKey, 'rewards-gateway token', 32));
  }

  private seal(text: string): Buffer {
    const iv = randomBytes(ivBytes);
    const cipher = createCipheriv(algorithm, this.secret, iv).setAAD(Buffer.from(this.cacheKey));
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), sealed]);
  }

  private open(bytes: Buffer): string {
    const decipher = createDecipheriv(algorithm, this.secret, bytes.subarray(0, ivBytes), {
      authTagLength: tagBytes,
    })
      .setAAD(Buffer.from(this.cacheKey))
      .setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
    return decipher.update(bytes.subarray(ivBytes + tagBytes), undefined, 'utf8') + decipher.final('utf8');
  }
}
