import { jsonResponse } from '../server/http-response.js';
import type { HttpResponse } from '../server/http-response.js';
import type { ExternalIds, KigoAccount, KigoAccounts } from './kigo-accounts.js';
import { kigoError, plainKigoError } from './kigo-error.js';
import type { KigoError } from './kigo-error.js';
import { login } from './kigo-login.js';
import { KIGO_ROUTES, kigoEndpoint, lookupIds, onlyValue } from './kigo-paths.js';
import type { KigoSettings } from './kigo-settings.js';
import type { KigoTokens } from './kigo-tokens.js';
import type { Call, SimulatedService, HttpRequest } from '../server/simulated-service.js';

/** Kigo's three endpoints, as far as they are documented, and the assumptions as settings. */
export class KigoService implements SimulatedService {
  readonly routes = KIGO_ROUTES;

  constructor(
    private readonly settings: () => KigoSettings,
    private readonly accounts: KigoAccounts,
    private readonly tokens: KigoTokens,
  ) {}

  identify(request: HttpRequest): Call {
    const endpoint = kigoEndpoint(request.url);
    if (!endpoint || endpoint.method !== request.method) return { route: 'other' };
    if (endpoint.route === 'login') return { route: 'login' };
    if (endpoint.accountId === undefined) {
      const { user, program } = lookupIds(request);
      const account = user && program ? this.accounts.find(externalIds(user, program)) : undefined;
      return { route: 'lookup', user, program, account: account && String(this.toAccountId(account)) };
    }
    const account = this.accounts.findById(endpoint.accountId);
    return {
      route: 'summary',
      user: account?.external_user_id,
      program: account?.external_program_id,
      account: endpoint.accountId,
    };
  }

  respond(request: HttpRequest): HttpResponse {
    const result = this.result(request);
    return 'code' in result ? kigoError(result, this.settings().numericErrorCodes) : result;
  }

  failure(status: number): HttpResponse {
    return kigoError(plainKigoError(status), this.settings().numericErrorCodes);
  }

  private result(request: HttpRequest): HttpResponse | KigoError {
    const endpoint = kigoEndpoint(request.url);
    if (!endpoint) return plainKigoError(404);
    if (endpoint.method !== request.method) {
      const message = `Use ${endpoint.method}.`;
      return { status: 405, code: 'method_not_allowed', message, headers: { allow: endpoint.method } };
    }
    if (endpoint.route === 'login') {
      return login(request, this.settings(), () => this.tokens.issue(this.settings()));
    }
    const bearer = this.bearer(request);
    if ('code' in bearer) return bearer;
    return endpoint.accountId === undefined
      ? this.lookup(request, bearer.partnerId)
      : this.summary(endpoint.accountId, bearer.partnerId);
  }

  private bearer(request: HttpRequest): { partnerId: string } | KigoError {
    const token = /^bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (!token) return unauthorized('missing_token', 'Send Authorization: Bearer with a session token.');
    const owner = this.tokens.use(token);
    if (owner === 'unknown') return unauthorized('invalid_token', 'Unknown session token.');
    if (owner !== 'expired') return owner;
    return unauthorized(
      'token_expired',
      'The session token has expired.',
      this.settings().expiredTokenStatus,
    );
  }

  private lookup(request: HttpRequest, partnerId: string): HttpResponse | KigoError {
    for (const name of ['external_user_id', 'external_program_id']) {
      const found = onlyValue(request, name);
      if (typeof found === 'string') {
        return { status: 400, code: 'invalid_query', message: `Query parameter ${name} is ${found}.` };
      }
    }
    const { user = '', program = '' } = lookupIds(request);
    const ids = externalIds(user, program);
    if (isForeign(this.accounts.findOwner(ids), partnerId)) return this.otherPartners();
    const account = this.accounts.find(ids) ?? this.created(ids);
    if (account)
      return jsonResponse(200, { account_id: this.toAccountId(account), ...ids, ...account.extra });
    const { unknownUser } = this.settings();
    if (unknownUser === 'null-id') return jsonResponse(200, { account_id: null });
    return unknownUser === 'empty-array' ? jsonResponse(200, []) : NOT_FOUND;
  }

  private summary(id: string, partnerId: string): HttpResponse | KigoError {
    const account = this.accounts.findById(id);
    if (!account) return NOT_FOUND;
    if (isForeign(account.partner_id, partnerId)) return this.otherPartners();
    const { unviewed_products, total_tokens, extra } = account;
    return jsonResponse(200, {
      unviewed_products,
      total_tokens,
      account_id: this.toAccountId(account),
      ...extra,
    });
  }

  private created(ids: ExternalIds): KigoAccount | undefined {
    return this.settings().unknownUser === 'create' ? this.accounts.set(ids) : undefined;
  }

  private otherPartners(): KigoError {
    if (this.settings().otherPartnerStatus === 404) return NOT_FOUND;
    return { status: 403, code: 'forbidden', message: 'This belongs to another partner.' };
  }

  private toAccountId(account: KigoAccount): string | number {
    return this.settings().numericAccountIds ? account.numeric_id : account.account_id;
  }
}

const NOT_FOUND: KigoError = { status: 404, code: 'account_not_found', message: 'No such account.' };

const isForeign = (owner: string | null, partnerId: string): boolean => owner !== null && owner !== partnerId;

function externalIds(external_user_id: string, external_program_id: string): ExternalIds {
  return { external_user_id, external_program_id };
}

function unauthorized(code: string, message: string, status = 401): KigoError {
  return { status, code, message, headers: { 'www-authenticate': 'Bearer' } };
}
