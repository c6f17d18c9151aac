import { createHash, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Problem } from '../problem/problem.js';

interface KnownKey {
  readonly caller: string;
  readonly digest: Buffer;
}

/** Knows callers by the configured API keys. */
@Injectable()
export class ApiKeys {
  readonly hint = 'Send an API key as "Authorization: Bearer <key>".';
  private readonly keys: readonly KnownKey[];

  constructor(config: Config) {
    this.keys = (config.apiKeys ?? []).map(({ name, key }) => ({ caller: name, digest: digestOf(key) }));
  }

  /**
   * The name that a key belongs to. Digests have one length, and all are compared: the time taken says nothing about any key.
   * @throws Problem `unauthenticated`
   */
  callerOf(credential: string): string {
    const digest = digestOf(credential);
    const [known] = this.keys.filter((key) => timingSafeEqual(key.digest, digest));
    if (!known) throw Problem.of('unauthenticated', 'This API key is not known.');
    return known.caller;
  }
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
