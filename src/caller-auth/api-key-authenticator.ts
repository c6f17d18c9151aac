import { createHash, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import type { ApiKey } from '../config/parsers.js';
import { SecretFiles } from '../config/secret-file-watcher.js';
import { Problem } from '../problem/problem.js';

interface KnownKey {
  readonly caller: string;
  readonly digest: Buffer;
  usedAt?: Date;
}

export interface KeyUse {
  readonly caller: string;
  /** Which of the caller's keys, in the order of the list, from 1. */
  readonly key: number;
  /** Undefined when it was not used since the start. */
  readonly usedAt: Date | undefined;
}

/** Knows callers by the configured API keys, also those that are added while the service runs. */
@Injectable()
export class ApiKeys {
  readonly hint = 'Send an API key as "Authorization: Bearer <key>".';
  private keys: readonly KnownKey[] = [];

  constructor(config: Config, files: SecretFiles) {
    this.take(config.apiKeys ?? []);
    files.watch('apiKeys', (keys) => this.take(keys));
  }

  /**
   * The name that a key belongs to. Digests have one length, and all are compared: the time taken says nothing about any key.
   * @throws Problem `unauthenticated`
   */
  callerOf(credential: string): string {
    const digest = digestOf(credential);
    const [known] = this.keys.filter((key) => timingSafeEqual(key.digest, digest));
    if (!known) throw Problem.of('unauthenticated', 'This API key is not known.');
    known.usedAt = new Date();
    return known.caller;
  }

  /** When each key was last used: one that was not, for long enough, can go. */
  lastUsed(): KeyUse[] {
    return this.keys.map(({ caller, usedAt }, index) => {
      const before = this.keys.slice(0, index).filter((other) => other.caller === caller);
      return { caller, key: before.length + 1, usedAt };
    });
  }

  private take(keys: readonly ApiKey[]): void {
    const known = this.keys;
    this.keys = keys.map(({ name, key }) => {
      const digest = digestOf(key);
      const same = known.find((other) => other.caller === name && other.digest.equals(digest));
      return same ?? { caller: name, digest };
    });
  }
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
