import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { ExternalUserDto } from '../accounts/account.dto.js';
import { AccountsService } from '../accounts/accounts.service.js';
import { AnswerCounters } from '../accounts/answer-counters.js';
import { cacheHeaders } from '../cache/cache-headers.js';
import { parseQueryString } from '../http/query-string.js';
import { accepts } from '../validation/accepts.js';
import { HubSummaryService, toCount } from './hub-summary.service.js';

/** Bytes of the queries whose keys are remembered, and of the keys: those of 10,000 users. */
const MAX_BYTES = 4 * 1024 * 1024;
const BYTES_OF_KEYS = 256;

/** The cache keys of a user. To parse and validate a query, and to hash its ids, takes longer than all the rest. */
interface UserKeys {
  readonly account: string;
  accountId?: string;
  summary?: string;
}

/** Finds the counts that lie in memory, as the answers to the queries of the route. */
@Injectable()
export class WarmCountsService {
  private readonly known = new LRUCache<string, UserKeys>({
    maxSize: MAX_BYTES,
    sizeCalculation: (_, query) => 2 * query.length + BYTES_OF_KEYS,
  });

  constructor(
    private readonly accounts: AccountsService,
    private readonly summaries: HubSummaryService,
    private readonly counters: AnswerCounters,
  ) {}

  /**
   * Counts nothing: see `countSent`.
   * @param query what follows the "?" of a URL
   * @returns undefined if the query is not valid, or its count does not lie in memory
   */
  find(query: string): { readonly body: string; readonly headers: Record<string, string> } | undefined {
    const keys = this.known.get(query) ?? this.readKeys(query);
    if (!keys) return undefined;
    const account = this.accounts.peek(keys.account);
    if (account?.value === undefined) return undefined;
    if (keys.accountId !== account.value) {
      keys.accountId = account.value;
      keys.summary = this.summaries.cacheKey(account.value);
      this.known.set(query, keys);
    }
    const summary = this.summaries.peek(keys.summary!);
    if (summary?.value === undefined) return undefined;
    const count = toCount(account, summary);
    return { body: JSON.stringify({ count: count.value }), headers: cacheHeaders(count) };
  }

  /** Counts an answer that is sent, and its lookups. */
  countSent(): void {
    this.accounts.countHit();
    this.summaries.countHit();
    this.counters.countOk('unviewed-count');
  }

  private readKeys(query: string): UserKeys | undefined {
    const user: object = parseQueryString(query);
    if (!accepts(user, ExternalUserDto)) return undefined;
    return { account: this.accounts.cacheKey(user as ExternalUserDto) };
  }
}
