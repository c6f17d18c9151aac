import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { ExternalUserDto } from '../accounts/account.dto.js';
import { AccountsService } from '../accounts/accounts.service.js';
import { AnswerCounters } from '../accounts/answer-counters.js';
import { toResult } from '../cache/cache-entry.js';
import type { CacheEntry, CacheResult } from '../cache/cache-entry.js';
import { cacheHeaders } from '../cache/cache-headers.js';
import { parseQueryString } from '../http/query-string.js';
import { accepts } from '../validation/accepts.js';
import { HubSummaryService, toCount } from './hub-summary.service.js';
import type { KigoHubSummary } from './hub-summary.service.js';

/** Bytes of what is remembered by query: 10,000 users. */
const MAX_BYTES = 8 * 1024 * 1024;
const BYTES_OF_USER = 768;

/** What is remembered of a user: to parse and validate a query, and to hash its ids, takes longer than all the rest. */
interface KnownUser {
  readonly accountKey: string;
  accountId?: string;
  summaryKey?: string;
  answer?: Answer;
}

/** The answer that is made of two entries of the cache. */
interface Answer {
  readonly account: CacheEntry<string>;
  readonly summary: CacheEntry<KigoHubSummary>;
  readonly count: CacheResult<number>;
  readonly body: string;
}

/** Finds the counts that lie in memory, as the answers to the queries of the route. */
@Injectable()
export class WarmCountsService {
  private readonly known = new LRUCache<string, KnownUser>({
    maxSize: MAX_BYTES,
    sizeCalculation: (_, query) => 2 * query.length + BYTES_OF_USER,
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
    const user = this.known.get(query) ?? this.readUser(query);
    if (!user) return undefined;
    const now = performance.now();
    const account = this.accounts.peek(user.accountKey, now);
    if (!account || account.value === null) return undefined;
    if (user.accountId !== account.value) {
      user.accountId = account.value;
      user.summaryKey = this.summaries.cacheKey(account.value);
      this.known.set(query, user);
    }
    const summary = this.summaries.peek(user.summaryKey!, now);
    if (!summary || summary.value === null) return undefined;
    if (user.answer?.account !== account || user.answer.summary !== summary)
      user.answer = toAnswer(account, summary);
    const { count, body } = user.answer;
    return { body, headers: cacheHeaders(count, now) };
  }

  /** Counts an answer that is sent, and its lookups. */
  countSent(): void {
    this.accounts.countHit();
    this.summaries.countHit();
    this.counters.countOk('unviewed-count');
  }

  private readUser(query: string): KnownUser | undefined {
    const user: object = parseQueryString(query);
    if (!accepts(user, ExternalUserDto)) return undefined;
    return { accountKey: this.accounts.cacheKey(user as ExternalUserDto) };
  }
}

function toAnswer(account: CacheEntry<string>, summary: CacheEntry<KigoHubSummary>): Answer {
  const count = toCount(toResult(account, 'hit'), toResult(summary, 'hit'));
  return { account, summary, count, body: JSON.stringify({ count: count.value }) };
}
