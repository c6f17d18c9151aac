import { Injectable } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { ValidateBy } from 'class-validator';
import { ReadThrough } from '../cache/read-through.js';
import type { CachePolicy, CacheResult } from '../cache/read-through.js';
import { Config } from '../config/config.js';
import { isPathSafeId } from '../validation/opaque-id.js';
import { KigoHttp } from '../kigo-auth/kigo-http.js';
import { isUpstreamError } from '../upstream/upstream-error.js';
import type { ExternalUserDto } from './account.dto.js';

class KigoAccount {
  /** Its form is not documented: a string or an integer, of any length. */
  @Transform(({ value }: { value: unknown }) => (typeof value === 'bigint' ? String(value) : value))
  @ValidateBy({ name: 'isAccountId', validator: { validate: isPathSafeId } })
  readonly account_id!: string;
}

export interface LookupOptions {
  /** Ask Kigo again, whatever is remembered. */
  readonly noCache?: boolean;
  /** What a call to Kigo goes through, for callers that have many of them. */
  readonly limiter?: <T>(call: () => Promise<T>) => Promise<T>;
}

/** Finds Kigo accounts by our callers' own ids: `GET /api/v1/accounts` (kigo-hub-summary.txt, step 1). */
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
      isValue: isPathSafeId,
      isUnavailable: isUpstreamError,
    };
  }

  /**
   * @returns the account id; undefined when Kigo knows no such user or program
   * @throws UpstreamError
   */
  find(user: ExternalUserDto, { noCache, limiter: lane }: LookupOptions = {}): Promise<CacheResult<string>> {
    const { external_user_id, external_program_id } = user;
    const key = this.http.cacheKey('account:v1', external_user_id, external_program_id);
    const ask = () => this.fetchAccountId(user);
    return this.cache.get(key, this.policy, lane ? () => lane(ask) : ask, noCache);
  }

  private async fetchAccountId({
    external_user_id,
    external_program_id,
  }: ExternalUserDto): Promise<string | undefined> {
    const query = new URLSearchParams({ external_user_id, external_program_id });
    // A form's "+" for a blank is not understood by every server; "%20" is.
    const answer = await this.http.axiosRef.get<string>(
      `/api/v1/accounts?${String(query).replaceAll('+', '%20')}`,
      {
        operation: 'lookup',
        validateStatus: (status) => status === 200 || status === 404,
      },
    );
    if (answer.status === 404) return undefined;
    return this.http.parse(KigoAccount, answer, preserveExactId).account_id;
  }
}

/** An integer id may have more digits than a number can hold: it is taken from the text. */
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
