import { createHash, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Config } from '../config/config.js';
import { Problem } from '../problem/problem.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The name that the caller's API key belongs to. */
    caller?: string;
  }
}

/** Knows callers by the configured API keys. */
@Injectable()
export class CallerAuth {
  private readonly keys: readonly { readonly name: string; readonly digest: Buffer }[];
  private readonly everybody: boolean;

  constructor(config: Config) {
    this.everybody = config.callerAuth === 'none';
    this.keys = (config.apiKeys ?? []).map(({ name, key }) => ({ name, digest: digestOf(key) }));
  }

  /**
   * Notes on the request who calls.
   * @throws Problem `unauthenticated`
   */
  authenticate(request: FastifyRequest): void {
    if (this.everybody || request.caller !== undefined) return;
    const credential = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
    if (credential === undefined)
      throw Problem.of('unauthenticated', 'Send an API key as "Authorization: Bearer <key>".');
    request.caller = this.callerOf(credential);
    if (request.caller === undefined) throw Problem.of('unauthenticated', 'This API key is not known.');
  }

  /** Digests have one length, and all are compared: the time taken says nothing about any key. */
  private callerOf(credential: string): string | undefined {
    const digest = digestOf(credential);
    return this.keys.filter((key) => timingSafeEqual(key.digest, digest))[0]?.name;
  }
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
