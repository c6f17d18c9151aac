/** Every problem that has a name of its own (contract, section 4): its status and title. */
export const problems = {
  validation: [400, 'The request breaks the contract'],
  unauthenticated: [401, 'A valid credential is needed'],
  'callback-signature': [401, 'The signature does not fit'],
  'account-not-found': [404, 'There is no such account'],
  'not-found': [404, 'There is nothing here'],
  'method-not-allowed': [405, 'This path does not have that method'],
  conflict: [409, 'The state of things does not allow it'],
  'outcome-unknown': [409, 'Nobody knows what became of the first try'],
  'idempotency-key-reused': [422, 'The key was used for another body'],
  'rate-limited': [429, 'That was too often'],
  'upstream-failed': [502, 'The vendor failed'],
  'upstream-busy': [503, 'The vendor is busy'],
  'upstream-timeout': [504, 'The vendor did not answer in time'],
  'storage-unavailable': [503, 'The database cannot be used'],
} as const satisfies Record<string, readonly [number, string]>;

export type ProblemName = keyof typeof problems;

/** One thing that is wrong in a request: `pointer` is a JSON pointer (RFC 6901) into the body, the query or the path parameters. */
export interface Violation {
  readonly pointer: string;
  readonly detail: string;
}

export interface ProblemMembers {
  readonly errors?: Violation[];
  readonly upstream?: string;
  readonly retryable?: boolean;
  readonly retry_after_seconds?: number | undefined;
  readonly checks?: object;
}

/** The body of every error answer (RFC 9457). */
export interface ProblemBody extends ProblemMembers {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
}

const namespace = 'urn:rewards-gateway:problem:';

/** An error that already knows what its answer is. */
export class Problem extends Error {
  constructor(
    readonly type: string,
    readonly title: string,
    readonly status: number,
    readonly detail: string,
    readonly members: ProblemMembers = {},
  ) {
    super(detail);
    this.name = 'Problem';
  }

  static of(name: ProblemName, detail: string, members?: ProblemMembers): Problem {
    const [status, title] = problems[name];
    return new Problem(namespace + name, title, status, detail, members);
  }

  /** One without a name of its own: the status says it all. */
  static plain(status: number, title: string, detail: string, members?: ProblemMembers): Problem {
    return new Problem('about:blank', title, status, detail, members);
  }

  /** The problem of an earlier answer, for a request of its own. */
  static from(body: ProblemBody): Problem {
    const { type, title, status, detail, instance: _, ...members } = body;
    return new Problem(type, title, status, detail, members);
  }

  /** The same problem with other members. */
  with(members: ProblemMembers): Problem {
    const { type, title, status, detail } = this;
    return new Problem(type, title, status, detail, { ...this.members, ...members });
  }

  /** The short name of its type; undefined for one without a name of its own. */
  get shortName(): string | undefined {
    return this.type.startsWith(namespace) ? this.type.slice(namespace.length) : undefined;
  }

  body(requestId: string): ProblemBody {
    const { type, title, status, detail, members } = this;
    return { type, title, status, detail, instance: requestId, ...members };
  }
}
