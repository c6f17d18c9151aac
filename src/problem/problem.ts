/** Every problem that has a name of its own (contract, section 4): its status and title. */
export const PROBLEMS = {
  validation: [400, 'Invalid request'],
  unauthenticated: [401, 'Authentication required'],
  'callback-signature': [401, 'Invalid callback signature'],
  'account-not-found': [404, 'Account not found'],
  'not-found': [404, 'Not found'],
  'method-not-allowed': [405, 'Method not allowed'],
  conflict: [409, 'Conflict'],
  'outcome-unknown': [409, 'Outcome of the original request unknown'],
  'idempotency-key-reused': [422, 'Idempotency key reused with a different body'],
  'rate-limited': [429, 'Too many requests'],
  'upstream-failed': [502, 'Upstream error'],
  'upstream-busy': [503, 'Upstream unavailable'],
  'upstream-timeout': [504, 'Upstream timeout'],
  'storage-unavailable': [503, 'Storage unavailable'],
} as const satisfies Record<string, readonly [number, string]>;

export type ProblemName = keyof typeof PROBLEMS;

/** One thing that is wrong in a request: `pointer` is a JSON pointer (RFC 6901) into the body, the query or the path parameters. */
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

/** The body of every error answer (RFC 9457). */
export interface ProblemBody extends ProblemFields {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
}

const NAMESPACE = 'urn:rewards-gateway:problem:';

/** An error that already knows what its answer is. */
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

  static of(name: ProblemName, detail: string, members?: ProblemFields): Problem {
    const [status, title] = PROBLEMS[name];
    return new Problem(NAMESPACE + name, title, status, detail, members);
  }

  /** One without a name of its own: the status says it all. */
  static untyped(status: number, title: string, detail: string, members?: ProblemFields): Problem {
    return new Problem('about:blank', title, status, detail, members);
  }

  /** The problem of an earlier answer, for a request of its own. */
  static from(body: ProblemBody): Problem {
    const { type, title, status, detail, instance: _, ...members } = body;
    return new Problem(type, title, status, detail, members);
  }

  /** The same problem with other members. */
  with(members: ProblemFields): Problem {
    const { type, title, status, detail } = this;
    return new Problem(type, title, status, detail, { ...this.fields, ...members });
  }

  /** The short name of its type; undefined for one without a name of its own. */
  get problemName(): string | undefined {
    return this.type.startsWith(NAMESPACE) ? this.type.slice(NAMESPACE.length) : undefined;
  }

  body(requestId: string): ProblemBody {
    const { type, title, status, detail, fields: members } = this;
    return { type, title, status, detail, instance: requestId, ...members };
  }
}
