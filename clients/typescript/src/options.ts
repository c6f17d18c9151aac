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
  /** Of sessions and moments. A new one is made for each call unless given. */
  readonly idempotencyKey?: string;
  /** The `X-Request-Id`: the gateway logs it, and makes one unless given. */
  readonly requestId?: string;
  /** The trace that the call is part of (W3C Trace Context). */
  readonly traceparent?: string;
}

export interface FollowOptions extends CallOptions {
  /** After the last page, wait so long and ask again, without end. Unless given, the last page is the end. */
  readonly pollMs?: number;
}
