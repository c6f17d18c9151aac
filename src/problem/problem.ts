interface ProblemType {
  readonly status: number;
  readonly title: string;
  /** When it occurs. */
  readonly description: string;
  /** Whether the same request may succeed later; "depends" where the `retryable` of each response says so. */
  readonly retryable: boolean | 'depends';
}

/** Every problem that has a name of its own. docs/errors.md is generated from this. */
export const PROBLEMS = {
  validation: {
    status: 400,
    title: 'Invalid request',
    description: 'The request is malformed or breaks a rule; `errors` lists every violation.',
    retryable: false,
  },
  unauthenticated: {
    status: 401,
    title: 'Authentication required',
    description: 'The credential is missing, unknown or expired.',
    retryable: false,
  },
  'callback-signature': {
    status: 401,
    title: 'Invalid callback signature',
    description: 'The signature of a callback matches none of the configured secrets.',
    retryable: false,
  },
  'account-not-found': {
    status: 404,
    title: 'Account not found',
    description: 'Kigo has no account for these ids.',
    retryable: false,
  },
  'not-found': {
    status: 404,
    title: 'Not found',
    description: 'The path is unknown, or there is no such ledger entry, delivery or replay.',
    retryable: false,
  },
  'method-not-allowed': {
    status: 405,
    title: 'Method not allowed',
    description: 'The path does not have this method; `Allow` lists the methods that it has.',
    retryable: false,
  },
  conflict: {
    status: 409,
    title: 'Conflict',
    description:
      'The state of the resource does not allow the operation, or the original request with this `Idempotency-Key` is still in flight.',
    retryable: 'depends',
  },
  'outcome-unknown': {
    status: 409,
    title: 'Outcome of the original request unknown',
    description:
      'The original request with this `Idempotency-Key` may have reached Kiip, so it is not sent again.',
    retryable: false,
  },
  'feed-restarted': {
    status: 410,
    title: 'Feed restarted',
    description:
      'The database was restored to a time before this cursor. Continue from an older cursor, or without `after`.',
    retryable: false,
  },
  'idempotency-key-reused': {
    status: 422,
    title: 'Idempotency key reused with a different body',
    description: 'The same `Idempotency-Key` was used for a request with a different body.',
    retryable: false,
  },
  'rate-limited': {
    status: 429,
    title: 'Too many requests',
    description:
      'The caller, or the source address of callbacks or of failed credentials, has used up its requests of this minute.',
    retryable: true,
  },
  'upstream-failed': {
    status: 502,
    title: 'Upstream error',
    description:
      'The upstream cannot be reached, failed, sent an invalid response, or rejected the credentials of the gateway.',
    retryable: 'depends',
  },
  'upstream-busy': {
    status: 503,
    title: 'Upstream unavailable',
    description: 'The upstream is rate limiting, or its circuit breaker is open.',
    retryable: true,
  },
  'upstream-timeout': {
    status: 504,
    title: 'Upstream timeout',
    description: 'The upstream did not respond in time.',
    retryable: 'depends',
  },
  'storage-unavailable': {
    status: 503,
    title: 'Storage unavailable',
    description: 'The database is unavailable and nothing was stored.',
    retryable: true,
  },
} as const satisfies Record<string, ProblemType>;

export type ProblemName = keyof typeof PROBLEMS;

/** One violation of a rule. `pointer` is a JSON pointer (RFC 6901) into the body, the query or the path parameters. */
export interface Violation {
  readonly pointer: string;
  readonly detail: string;
}

export interface ProblemFields {
  readonly errors?: Violation[];
  readonly upstream?: string;
  readonly retryable?: boolean;
  readonly retry_after_seconds?: number | undefined;
  readonly checks?: object;
}

/** The body of every error response (RFC 9457). */
export interface ProblemBody extends ProblemFields {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
}

const NAMESPACE = 'urn:rewards-gateway:problem:';

/** Every `type` of a problem. */
export const PROBLEM_TYPES = [...Object.keys(PROBLEMS).map((name) => NAMESPACE + name), 'about:blank'];

/** An error that knows its response. */
export class Problem extends Error {
  constructor(
    readonly type: string,
    readonly title: string,
    readonly status: number,
    readonly detail: string,
    readonly fields: ProblemFields = {},
  ) {
    super(detail);
    this.name = 'Problem';
  }

  static of(name: ProblemName, detail: string, fields?: ProblemFields): Problem {
    const { status, title } = PROBLEMS[name];
    return new Problem(NAMESPACE + name, title, status, detail, fields);
  }

  /** A problem without a name of its own: `about:blank`. */
  static untyped(status: number, title: string, detail: string, fields?: ProblemFields): Problem {
    return new Problem('about:blank', title, status, detail, fields);
  }

  /** The problem of an earlier response. */
  static from(body: ProblemBody): Problem {
    const { type, title, status, detail, instance: _, ...fields } = body;
    return new Problem(type, title, status, detail, fields);
  }

  /** The same problem with these fields as well. */
  with(fields: ProblemFields): Problem {
    const { type, title, status, detail } = this;
    return new Problem(type, title, status, detail, { ...this.fields, ...fields });
  }

  /** The short name of its type; undefined for an untyped problem. */
  get problemName(): string | undefined {
    return this.type.startsWith(NAMESPACE) ? this.type.slice(NAMESPACE.length) : undefined;
  }

  body(requestId: string): ProblemBody {
    const { type, title, status, detail, fields } = this;
    return { type, title, status, detail, instance: requestId, ...fields };
  }
}
