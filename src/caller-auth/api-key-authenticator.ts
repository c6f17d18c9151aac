import { createHash, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import type { ApiKey } from '../config/parsers.js';
import { SecretFileWatcher } from '../config/secret-file-watcher.js';
import { Problem } from '../problem/problem.js';

interface StoredKey {
  readonly caller: string;
  readonly hash: Buffer;
  lastUsedAt?: Date;
}

export interface KeyUsage {
  readonly caller: string;
  /** Which of the caller's keys, in the order of the list, from 1. */
  readonly key: number;
  /** Undefined when it was not used since the start. */
  readonly lastUsedAt: Date | undefined;
}

/** Knows callers by the configured API keys, also those that are added while the service runs. */
@Injectable()
export class ApiKeyAuthenticator {
  readonly challengeHint = 'Send an API key as "Authorization: Bearer <key>".';
  private keys: readonly StoredKey[] = [];

  constructor(config: Config, files: SecretFileWatcher) {
    this.replaceAll(config.apiKeys ?? []);
    files.watch('apiKeys', (keys) => this.replaceAll(keys));
  }

  /**
   * The name that a key belongs to. Digests have one length, and all are compared: the time taken says nothing about any key.
   * @throws Problem `unauthenticated`
   */
  authenticate(credential: string): string {
    const digest = hashKey(credential);
    const [known] = this.keys.filter((key) => timingSafeEqual(key.hash, digest));
    if (!known) throw Problem.of('unauthenticated', 'Unknown API key.');
    known.lastUsedAt = new Date();
    return known.caller;
  }

  /** When each key was last used: one that was not, for long enough, can go. */
  keyUsage(): KeyUsage[] {
    return this.keys.map(({ caller, lastUsedAt }, index) => {
      const before = this.keys.slice(0, index).filter((other) => other.caller === caller);
      return { caller, key: before.length + 1, lastUsedAt };
    });
  }

  private replaceAll(keys: readonly ApiKey[]): void {
    const known = this.keys;
    this.keys = keys.map(({ name, key }) => {
      const digest = hashKey(key);
      const same = known.find((other) => other.caller === name && other.hash.equals(digest));
      return same ?? { caller: name, hash: digest };
    });
  }
}

function hashKey(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
