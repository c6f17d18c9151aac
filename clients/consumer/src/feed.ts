import type { Issuance } from './events.js';
import type { InboxOutcome } from './inbox.js';

/** The RewardsGatewayClient of @rewards-gateway/client, with the scope `ledger:read`. */
export interface FeedClient {
  pages(
    name: 'listIssuances',
    input: { limit?: number; after?: string },
    options: { signal?: AbortSignal },
  ): AsyncIterable<{ readonly items: readonly Issuance[]; readonly next: string }>;
}

/** How many entries of each kind there were. */
export type CatchUpCounts = Record<InboxOutcome | 'ignored', number>;

/** The database of the gateway was restored to a time before the cursor. */
export function isFeedRestarted(error: unknown): boolean {
  const { type } = (error ?? {}) as { type?: unknown };
  return type === 'urn:rewards-gateway:problem:feed-restarted';
}
