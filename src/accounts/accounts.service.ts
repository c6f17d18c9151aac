import { Injectable } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { ValidateBy } from 'class-validator';
import type { CacheEntry, CachePolicy, CacheResult } from '../cache/cache-entry.js';
import { ReadThrough } from '../cache/read-through.js';
import type { ReadOptions } from '../cache/read-through.js';
import { Config } from '../config/config.js';
import { isPathSafeId } from '../validation/opaque-id.js';
import { KigoHttp } from '../kigo-auth/kigo-http.js';
import type { ProblemName } from '../problem/problem.js';
import { isUpstreamError, packUpstreamError, unpackUpstreamError } from '../upstream/upstream-error.js';
import type { ExternalUserDto } from './account.dto.js';

/** The problems of every route that looks up a Kigo account. */
export const KIGO_PROBLEMS = [
  'unauthenticated',
  'upstream-failed',
  'upstream-busy',
  'upstream-timeout',
  'account-not-found',
] as const satisfies ProblemName[];

class KigoAccount {
  /** Kigo does not document its type: a string or an integer, of any length. */
  @Transform(({ value }: { value: unknown }) => (typeof value === 'bigint' ? String(value) : value))
  @ValidateBy({ name: 'isAccountId', validator: { validate: isPathSafeId } })
  readonly account_id!: string;
}

export interface LookupOptions extends ReadOptions {
  /** Who asks: see `caller` of a call. */
  readonly caller?: string | undefined;
}

/** Finds Kigo accounts by the callers' own ids: `GET /api/v1/accounts` (docs/vendors/kigo.md). */
@Injectable()
export class AccountsService {
  private readonly policy: CachePolicy<string>;

  constructor(
    private readonly http: KigoHttp,
    private readonly cache: ReadThrough,
    config: Config,
  ) {
    this.policy = {
      name: 'account',
      ttlMs: config.accountTtlSeconds * 1000,
      staleMs: config.hubSummaryStaleSeconds * 1000,
      notFoundTtlMs: config.notFoundTtlSeconds * 1000,
      // An account id does not change.
      recheckMs: Infinity,
      isValue: isPathSafeId,
      isUnavailable: isUpstreamError,
      packError: packUpstreamError,
      unpackError: unpackUpstreamError,
    };
  }

  /**
   * @returns the account id; undefined when Kigo does not know the user or the program
   * @throws UpstreamError
   */
  find(user: ExternalUserDto, options: LookupOptions = {}): Promise<CacheResult<string>> {
    const fetch = () => this.fetchAccountId(user, options.caller);
    return this.cache.get(this.cacheKey(user), this.policy, fetch, options);
  }

  /** An account id that lies in memory: see `ReadThrough.peek`. @param key that of `cacheKey` */
  peek(key: string, now: number): CacheEntry<string> | undefined {
    return this.cache.peek(key, now);
  }

  countHit(): void {
    this.cache.countHit(this.policy);
  }

  cacheKey({ external_user_id, external_program_id }: ExternalUserDto): string {
    return this.http.cacheKey('account:v2', external_user_id, external_program_id);
  }

  private async fetchAccountId(
    { external_user_id, external_program_id }: ExternalUserDto,
    caller: string | undefined,
  ): Promise<string | undefined> {
    const query = new URLSearchParams({ external_user_id, external_program_id });
    // URLSearchParams writes a space as "+", which not every server decodes; all decode "%20".
    const response = await this.http.axiosRef.request<string>({
      url: `/api/v1/accounts?${String(query).replaceAll('+', '%20')}`,
      operation: 'lookup',
      caller,
      validateStatus: (status) => status === 200 || status === 404,
    });
    if (response.status === 404) return undefined;
    return this.http.parse(KigoAccount, response, preserveExactId).account_id;
  }
}

/** Reads an integer id from the JSON source text: it may have more digits than a number can hold. */
function preserveExactId(
  this: unknown,
  key: string,
  value: unknown,
  { source }: { source?: string },
): unknown {
  return key === 'account_id' && typeof value === 'number' && /^\d+$/.test(source ?? '')
    ? BigInt(source!)
    : value;
}
