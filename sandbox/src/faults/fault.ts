/** Faults that give another response than the normal one, or the normal one altered. */
export type ResponseFault =
  /** Any status with any body: text as it is, other values as JSON, none = the vendor's own error body. */
  | { kind: 'status'; status: number; headers?: Record<string, string>; body?: unknown }
  /** 502 with a proxy's HTML page. */
  | { kind: 'bad-gateway' }
  /** 503 or 429; `retryAfter` is seconds, or text (an HTTP date) sent as it is. */
  | { kind: 'unavailable'; retryAfter?: number | string }
  | { kind: 'rate-limited'; retryAfter?: number | string }
  | { kind: 'redirect'; location: string; status?: 301 | 302 | 303 | 307 | 308 }
  /** 200 with an HTML page. */
  | { kind: 'html' }
  /** 200 with this JSON value. */
  | { kind: 'json'; body: unknown }
  /** The normal response without its body. */
  | { kind: 'empty' }
  /** The first half of the normal body, correctly framed: only the JSON is broken. */
  | { kind: 'truncated' }
  /** The normal response with fields added, or replaced by values of other types. */
  | { kind: 'extra-fields'; fields?: Record<string, unknown> }
  | { kind: 'missing-fields'; fields: string[] }
  /** The normal response, called something else (`contentType`, default `text/html`). */
  | { kind: 'wrong-content-type'; contentType?: string }
  /** The normal response, compressed, whatever the client accepts. */
  | { kind: 'gzip' }
  | { kind: 'broken-gzip' }
  /** The normal response and blanks up to `bytes` (default 4 MiB), small on the wire. */
  | { kind: 'gzip-bomb'; bytes?: number }
  /** The normal response and blanks up to `bytes` (default 2 MiB), uncompressed. */
  | { kind: 'big-body'; bytes?: number };

/** Faults in time and on the connection. All but `hang` and `reset` send the normal response. */
export type SocketFault =
  /** Waits before the status line. */
  | { kind: 'slow'; delayMs: number }
  /** Sends the headers, waits, then sends the body. */
  | { kind: 'slow-body'; delayMs: number }
  /** Sends the body `chunkBytes` (default 1) at a time, `delayMs` (default 10) apart. */
  | { kind: 'dribble'; delayMs?: number; chunkBytes?: number }
  /** Never answers; the connection stays open. */
  | { kind: 'hang' }
  /** Connection reset (RST) instead of a response. */
  | { kind: 'reset' }
  /** Headers and half of the body, then a reset. */
  | { kind: 'reset-after-headers' }
  /** Headers and half of the body, then an orderly close (FIN). */
  | { kind: 'cut-off' };

export type Fault = ResponseFault | SocketFault;
export type FaultKind = Fault['kind'];

/** Which calls a rule is for. What is not given matches everything. */
export interface FaultMatch {
  route?: string;
  /** The user id that the vendor was given. */
  user?: string;
  /** External program id. */
  program?: string;
  /** The vendor's account id. */
  account?: string;
  device?: string;
  /** Moment id. */
  moment?: string;
  /** Only the next so many matching calls; without it and without `rate`: all of them. */
  times?: number;
  /** Share of matching calls, 0 to 1, drawn from a generator that starts at `seed`. */
  rate?: number;
  seed?: number;
}

/** A fault and the calls it is played on. `fail-twice` is short for `status` 500 with `times` 2. */
export type FaultRule = FaultMatch & (Fault | { kind: 'fail-twice' });
