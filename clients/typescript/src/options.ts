import type { FeedName, ListName } from './types.js';

export interface ClientOptions {
  /** Where the gateway is, such as `https://rewards.internal`. A path prefix is kept. */
  readonly url: string;
  /** The API key or token. A function is asked for each request, so that a token may change. */
  readonly token: string | (() => string | Promise<string>);
  /** Time limit of one call with all its attempts, in milliseconds: 10,000 unless given. */
  readonly deadlineMs?: number;
  /** Headers of every request, such as `traceparent` of the current span. */
  readonly headers?: () => Readonly<Record<string, string>>;
  /** Instead of the global `fetch`. */
  readonly fetch?: typeof fetch;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Instead of that of the client. */
  readonly deadlineMs?: number;
  /** Of sessions and moments, unique per caller, user and action: 1 to 255 visible ASCII characters. Made for each call unless given. */
  readonly idempotencyKey?: string;
  /** The `X-Request-Id`: the gateway logs it, and makes one unless given. */
  readonly requestId?: string;
  /** The trace that the call is part of (W3C Trace Context). */
  readonly traceparent?: string;
  /** More headers, such as `Cache-Control: no-cache`. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface FollowOptions<N extends ListName = FeedName> extends CallOptions {
  /** After the last page of a feed, wait so long and ask again, without end. Unless given, the last page is the end. */
  readonly pollMs?: N extends FeedName ? number : never;
}
