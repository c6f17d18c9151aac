import { createHash, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import type { ApiKey } from '../config/parsers.js';
import { SecretFileWatcher } from '../config/secret-file-watcher.js';
import { unauthenticated } from '../problem/problem-catalogue.js';

interface StoredKey {
  readonly caller: string;
  readonly hash: Buffer;
  /** In ms since the epoch. */
  lastUsedAt?: number;
}

interface KeyUsage {
  readonly caller: string;
  /** The number of the key among the caller's keys, from 1, in the order of the configuration. */
  readonly key: number;
  /** Undefined if it was not used since the start of the process. */
  readonly lastUsedAt: Date | undefined;
}

/** Authenticates callers by the configured API keys, which may change while the service runs. */
@Injectable()
export class ApiKeyAuthenticator {
  readonly challengeHint = 'Send an API key as "Authorization: Bearer <key>".';
  private keys: readonly StoredKey[] = [];
  /** By the key itself, those that were used: only a key that is right is ever found here. */
  private readonly used = new Map<string, StoredKey>();

  constructor(config: Config, files: SecretFileWatcher) {
    this.replaceAll(config.apiKeys ?? []);
    files.watch('apiKeys', (keys) => this.replaceAll(keys));
  }

  /**
   * Returns the name that a key belongs to. For an unknown key all hashes are compared, in constant time, so the time taken reveals
   * nothing about the keys.
   * @throws Problem `unauthenticated`
   */
  authenticate(credential: string): string {
    return this.recall(credential) ?? use(this.find(credential));
  }

  /** The name that a key belongs to which was used before. */
  recall(credential: string): string | undefined {
    const key = this.used.get(credential);
    return key && use(key);
  }

  private find(credential: string): StoredKey {
    const hash = hashKey(credential);
    const [match] = this.keys.filter((key) => timingSafeEqual(key.hash, hash));
    if (!match) throw unauthenticated('Unknown API key.');
    this.used.set(credential, match);
    return match;
  }

  /** When each key was last used, so that unused keys can be removed. */
  keyUsage(): KeyUsage[] {
    return this.keys.map(({ caller, lastUsedAt }, index) => {
      const before = this.keys.slice(0, index).filter((other) => other.caller === caller);
      return {
        caller,
        key: before.length + 1,
        lastUsedAt: lastUsedAt === undefined ? undefined : new Date(lastUsedAt),
      };
    });
  }

  private replaceAll(keys: readonly ApiKey[]): void {
    const previous = this.keys;
    this.used.clear();
    this.keys = keys.map(({ name: caller, key }) => {
      const hash = hashKey(key);
      return previous.find((old) => old.caller === caller && old.hash.equals(hash)) ?? { caller, hash };
    });
  }
}

function use(key: StoredKey): string {
  key.lastUsedAt = Date.now();
  return key.caller;
}

function hashKey(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
