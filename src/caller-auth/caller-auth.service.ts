import type { FastifyRequest } from 'fastify';
import { DEFAULT_SCOPES } from '../config/parsers.js';
import type { Scope } from '../config/parsers.js';
import { Problem } from '../problem/problem.js';
import { credentialsLimited, missingScope, unauthenticated } from '../problem/problem-catalogue.js';
import type { ApiKeyAuthenticator } from './api-key-authenticator.js';
import type { FailedCredentialsService } from './failed-credentials.service.js';
import type { JwtAuthenticator } from './jwt-authenticator.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The name of the caller: that of an API key, or the subject of a token; undefined without authentication. */
    caller?: string;
  }
}

const BEARER = 'Bearer ';

/** Authenticates callers, by API keys or tokens, and checks their scopes. */
export class CallerAuthService {
  /**
   * @param authenticator without it, everybody may call
   * @param scopes without them, every caller has the default scopes; otherwise a caller that is not listed has none
   * @param failures without it, failed credentials are not limited
   */
  constructor(
    private readonly authenticator: ApiKeyAuthenticator | JwtAuthenticator | undefined,
    private readonly scopes?: Readonly<Record<string, readonly Scope[]>>,
    private readonly failures?: FailedCredentialsService,
  ) {}

  /**
   * Puts the name of the caller on the request.
   * @throws Problem `unauthenticated`; `rate-limited` after too many failures from this address; 503 when the keys of the token issuer are unavailable
   */
  authenticate(request: FastifyRequest): void | Promise<void> {
    if (!this.authenticator) return undefined;
    const credential = readCredential(request.headers.authorization);
    if (credential === undefined) throw unauthenticated(this.authenticator.challengeHint);
    const caller = this.check(credential, request.ip);
    if (typeof caller === 'string') return this.admit(request, caller);
    return caller.then((name) => this.admit(request, name));
  }

  private admit(request: FastifyRequest, caller: string): void {
    const waitSeconds = this.failures?.noteSuccess(request.ip, caller);
    if (waitSeconds !== undefined) throw credentialsLimited(waitSeconds);
    request.caller = caller;
  }

  private check(credential: string, address: string): string | Promise<string> {
    try {
      const caller = this.authenticator!.authenticate(credential);
      if (typeof caller === 'string') return caller;
      return caller.catch((error: unknown) => this.reject(error, address));
    } catch (error) {
      return this.reject(error, address);
    }
  }

  private reject(error: unknown, address: string): never {
    // Keys of an issuer that cannot be fetched are no failure of the caller.
    if (!(error instanceof Problem) || error.status !== 401) throw error;
    const waitSeconds = this.failures?.noteFailure(address);
    throw waitSeconds === undefined ? error : credentialsLimited(waitSeconds);
  }

  /** @throws Problem 403 */
  authorize({ caller }: FastifyRequest, scope: Scope): void {
    if (!this.hasScope(caller, scope)) throw missingScope(scope);
  }

  /** The scopes of a caller; undefined is the name of a caller without authentication. */
  scopesOf(caller = ''): readonly Scope[] {
    if (!this.scopes) return DEFAULT_SCOPES;
    return Object.hasOwn(this.scopes, caller) ? this.scopes[caller]! : [];
  }

  private hasScope(caller: string | undefined, scope: Scope): boolean {
    return this.scopesOf(caller).includes(scope);
  }

  /**
   * Authenticates and authorizes a caller that is known already.
   * @returns `name` is undefined without authentication; undefined for all others: `authenticate` has to decide, and nothing is counted
   */
  recall(
    header: string | undefined,
    address: string,
    scope: Scope,
  ): { readonly name: string | undefined } | undefined {
    let name: string | undefined;
    if (this.authenticator) {
      // However else it may be written, `authenticate` reads it.
      name = header?.startsWith(BEARER) ? this.authenticator.recall(header.slice(BEARER.length)) : undefined;
      if (name === undefined || this.failures?.isLimited(address)) return undefined;
      this.failures?.noteSuccess(address, name);
    }
    return this.hasScope(name, scope) ? { name } : undefined;
  }
}

function readCredential(header = ''): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(header)?.[1];
}
