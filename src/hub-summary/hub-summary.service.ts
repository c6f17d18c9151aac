import { Injectable } from '@nestjs/common';
import { IsInt, Max, Min } from 'class-validator';
import type { ExternalUserDto } from '../accounts/account.dto.js';
import { AccountsService } from '../accounts/accounts.service.js';
import type { LookupOptions } from '../accounts/accounts.service.js';
import { worstOf } from '../cache/cache-headers.js';
import type { CacheEntry, CachePolicy, CacheResult } from '../cache/cache-entry.js';
import { ReadThrough } from '../cache/read-through.js';
import { Config } from '../config/config.js';
import { KigoHttp } from '../kigo-auth/kigo-http.js';
import { isUpstreamError, packUpstreamError, unpackUpstreamError } from '../upstream/upstream-error.js';

/** Kigo's response, and the cached value. Neither number bounds the other: one counts products, the other tokens. */
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

/** How long this replica may serve another count than the one that another replica has refreshed (docs/caching.md). */
const RECHECK_MS = 5_000;

/** Reads hub summaries: `GET /api/v1/accounts/{account_id}/hub-summary` (docs/vendors/kigo.md). */
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
      recheckMs: RECHECK_MS,
      isValue: isSummary,
      isUnavailable: isUpstreamError,
      packError: packUpstreamError,
      unpackError: unpackUpstreamError,
    };
  }

  /**
   * @returns a result without a value when Kigo does not know the account
   * @throws UpstreamError
   */
  find(accountId: string, options: LookupOptions = {}): Promise<CacheResult<KigoHubSummary>> {
    const fetch = () => this.fetchSummary(accountId, options.caller);
    return this.cache.get(this.cacheKey(accountId), this.policy, fetch, options);
  }

  /**
   * Finds how many tokens a user has not yet viewed. If Kigo no longer knows a cached account id, the id is looked up once more.
   * @param accountOptions those of the account lookup, if they differ
   * @returns a result without a value when Kigo does not know the user, the program or the account
   * @throws UpstreamError
   */
  async findCount(
    user: ExternalUserDto,
    options: LookupOptions = {},
    accountOptions = options,
  ): Promise<CacheResult<number>> {
    let account = await this.accounts.find(user, accountOptions);
    if (account.value === undefined) return { ...account, value: undefined };
    let summary = await this.find(account.value, options);
    const cached = account.provenance === 'hit' || account.provenance === 'stale';
    // When a missing summary comes from the cache, the account was already looked up again.
    if (summary.value === undefined && summary.provenance !== 'hit' && cached) {
      const previous = account.value;
      account = await this.accounts.find(user, { ...options, noCache: true });
      if (account.value === undefined) return { ...account, value: undefined };
      if (account.value !== previous) summary = await this.find(account.value, options);
    }
    return toCount(account, summary);
  }

  /**
   * Asks Kigo for the count, but not for an account id that is cached. A user without an account may have got one by now.
   * @throws UpstreamError
   */
  async refreshCount(user: ExternalUserDto, caller: string | undefined): Promise<void> {
    const options = { noCache: true, caller };
    const account = await this.accounts.find(user, { caller });
    const isRemembered404 = account.value === undefined && account.provenance === 'hit';
    await this.findCount(user, options, isRemembered404 ? options : { caller });
  }

  /** The name of a user's refreshes in Redis: the user is in it as a hash. */
  refreshKey({ external_user_id, external_program_id }: ExternalUserDto): string {
    return this.http.cacheKey('refresh:v1', external_user_id, external_program_id);
  }

  /** A summary that lies in memory: see `ReadThrough.peek`. @param key that of `cacheKey` */
  peek(key: string, now: number): CacheEntry<KigoHubSummary> | undefined {
    return this.cache.peek(key, now);
  }

  countHit(): void {
    this.cache.countHit(this.policy);
  }

  cacheKey(accountId: string): string {
    return this.http.cacheKey('hub-summary:v2', accountId);
  }

  private async fetchSummary(
    accountId: string,
    caller: string | undefined,
  ): Promise<KigoHubSummary | undefined> {
    const response = await this.http.axiosRef.request<string>({
      url: `/api/v1/accounts/${encodeURIComponent(accountId)}/hub-summary`,
      operation: 'hub-summary',
      caller,
      validateStatus: (status) => status === 200 || status === 404,
    });
    if (response.status === 404) return undefined;
    const { unviewed_products, total_tokens } = this.http.parse(KigoHubSummary, response);
    return { unviewed_products, total_tokens };
  }
}

/** The age of the count is that of the summary: account ids do not change over time. */
export function toCount(
  account: CacheResult<string>,
  summary: CacheResult<KigoHubSummary>,
): CacheResult<number> {
  const { asOf, requestedAt, value } = summary;
  return { ...worstOf(account, summary), asOf, requestedAt, value: value?.unviewed_products };
}

function isSummary(value: unknown): value is KigoHubSummary {
  if (typeof value !== 'object' || value === null) return false;
  const { unviewed_products, total_tokens } = value as Partial<KigoHubSummary>;
  return [unviewed_products, total_tokens].every((count) => Number.isSafeInteger(count) && count! >= 0);
}
