import { Injectable } from '@nestjs/common';
import { IsInt, Max, Min } from 'class-validator';
import type { ExternalUserDto } from '../accounts/account.dto.js';
import { AccountsService } from '../accounts/accounts.service.js';
import type { LookupOptions } from '../accounts/accounts.service.js';
import { worstOf } from '../cache/cache-headers.js';
import { ReadThrough } from '../cache/read-through.js';
import type { CachePolicy, CacheResult } from '../cache/read-through.js';
import { Config } from '../config/config.js';
import { KigoHttp } from '../kigo-auth/kigo-http.js';
import { isUpstreamError } from '../upstream/upstream-error.js';

/** Kigo's answer, and what is cached. No order between the two is promised: one counts products, the other tokens. */
export class KigoHubSummary {
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  readonly unviewed_products!: number;

  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  readonly total_tokens!: number;
}

/** Reads hub summaries: `GET /api/v1/accounts/{account_id}/hub-summary` (kigo-hub-summary.txt, step 2). */
@Injectable()
export class HubSummaryService {
  private readonly policy: CachePolicy<KigoHubSummary>;

  constructor(
    private readonly http: KigoHttp,
    private readonly accounts: AccountsService,
    private readonly cache: ReadThrough,
    config: Config,
  ) {
    this.policy = {
      name: 'hub-summary',
      ttlMs: config.hubSummaryTtlSeconds * 1000,
      staleMs: config.hubSummaryStaleSeconds * 1000,
      notFoundTtlMs: config.notFoundTtlSeconds * 1000,
      isValue: isSummary,
      isUnavailable: isUpstreamError,
    };
  }

  /**
   * @returns undefined as the value when Kigo knows no such account
   * @throws UpstreamError
   */
  find(
    accountId: string,
    { noCache, limiter: lane }: LookupOptions = {},
  ): Promise<CacheResult<KigoHubSummary>> {
    const key = this.http.cacheKey('hub-summary:v1', accountId);
    const ask = () => this.fetchSummary(accountId);
    return this.cache.get(key, this.policy, lane ? () => lane(ask) : ask, noCache);
  }

  /**
   * How many tokens a user has not yet viewed. An account id that was remembered, but that Kigo no longer knows, is looked up once more.
   * @returns undefined as the value when Kigo knows no such user, program or account
   * @throws UpstreamError
   */
  async findCount(user: ExternalUserDto, options: LookupOptions = {}): Promise<CacheResult<number>> {
    let account = await this.accounts.find(user, options);
    if (account.value === undefined) return { ...account, value: undefined };
    let summary = await this.find(account.value, options);
    const remembered = account.provenance === 'hit' || account.provenance === 'stale';
    // A remembered "no such account" was reported, and looked up once more, when it was first met.
    if (summary.value === undefined && summary.provenance !== 'hit' && remembered) {
      const known = account.value;
      account = await this.accounts.find(user, { ...options, noCache: true });
      if (account.value === undefined) return { ...account, value: undefined };
      if (account.value !== known) summary = await this.find(account.value, options);
    }
    // The count is as old as the summary: an account id does not age.
    return { ...worstOf(account, summary), asOf: summary.asOf, value: summary.value?.unviewed_products };
  }

  private async fetchSummary(accountId: string): Promise<KigoHubSummary | undefined> {
    const answer = await this.http.axiosRef.get<string>(
      `/api/v1/accounts/${encodeURIComponent(accountId)}/hub-summary`,
      {
        operation: 'hub-summary',
        validateStatus: (status) => status === 200 || status === 404,
      },
    );
    if (answer.status === 404) return undefined;
    const { unviewed_products, total_tokens } = this.http.parse(KigoHubSummary, answer);
    return { unviewed_products, total_tokens };
  }
}

function isSummary(value: unknown): value is KigoHubSummary {
  if (typeof value !== 'object' || value === null) return false;
  const { unviewed_products, total_tokens } = value as Partial<KigoHubSummary>;
  return [unviewed_products, total_tokens].every((count) => Number.isSafeInteger(count) && count! >= 0);
}
