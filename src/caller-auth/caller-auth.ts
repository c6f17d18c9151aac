import type { FastifyRequest } from 'fastify';
import { Problem } from '../problem/problem.js';
import type { ApiKeys } from './api-keys.js';
import type { JwtCallers } from './jwt-callers.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls: the name of an API key, or of a token; undefined where everybody may. */
    caller?: string;
  }
}

/** Says who calls, by API keys or by tokens; where there is neither, everybody may. */
export class CallerAuth {
  constructor(private readonly known: ApiKeys | JwtCallers | undefined) {}

  /**
   * Notes on the request who calls.
   * @throws Problem `unauthenticated`; 503 when the keys of the token issuer cannot be had
   */
  async authenticate(request: FastifyRequest): Promise<void> {
    if (!this.known || request.caller !== undefined) return;
    const credential = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
    if (credential === undefined) throw Problem.of('unauthenticated', this.known.hint);
    request.caller = await this.known.callerOf(credential);
  }
}
