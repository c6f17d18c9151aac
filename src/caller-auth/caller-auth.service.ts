import type { FastifyRequest } from 'fastify';
import type { Scope } from '../config/parsers.js';
import { Problem } from '../problem/problem.js';
import type { ApiKeyAuthenticator } from './api-key-authenticator.js';
import type { JwtAuthenticator } from './jwt-authenticator.js';
import { missingScope } from './require-scope.decorator.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls: the name of an API key, or of a token; undefined where everybody may. */
    caller?: string;
  }
}

/** Says who calls, by API keys or by tokens, and may do what. */
export class CallerAuthService {
  /**
   * @param known without it, everybody may call
   * @param scopes without them, every caller may do everything; else a caller that is not listed may do nothing
   */
  constructor(
    private readonly known: ApiKeyAuthenticator | JwtAuthenticator | undefined,
    private readonly scopes?: Readonly<Record<string, readonly Scope[]>>,
  ) {}

  /**
   * Notes on the request who calls.
   * @throws Problem `unauthenticated`; 503 when the keys of the token issuer cannot be had
   */
  async authenticate(request: FastifyRequest): Promise<void> {
    if (!this.known) return;
    const credential = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
    if (credential === undefined) throw Problem.of('unauthenticated', this.known.challengeHint);
    request.caller = await this.known.authenticate(credential);
  }

  /** @throws Problem 403 */
  authorize({ caller = '' }: FastifyRequest, scope: Scope): void {
    if (this.scopes && !this.scopes[caller]?.includes(scope)) throw missingScope(scope);
  }
}
