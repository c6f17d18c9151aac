import { Injectable, Logger } from '@nestjs/common';
import { StorageUnavailableError } from '../database/storage-error.js';
import { idempotencyKeyReused, originalInFlight, outcomeUnknown } from '../problem/problem-catalogue.js';
import { Problem } from '../problem/problem.js';
import type { ProblemBody } from '../problem/problem.js';
import { toProblem } from '../problem/to-problem.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import { canonicalJson } from './canonical-json.js';
import { classifyFailure } from './call-outcome.js';
import { sha256Key } from '../database/text-columns.js';
import { IdempotencyStore } from './idempotency-store.js';
import type { Lease } from './idempotency-store.js';

export interface CallerRequest {
  readonly caller: string;
  readonly route: string;
  readonly body: object;
  /** The `Idempotency-Key`, if one was given. */
  readonly key: string | undefined;
}

const OK = 200;

const REJECTIONS = {
  'in-progress': originalInFlight,
  'key-reused': idempotencyKeyReused,
  'outcome-unknown': outcomeUnknown,
};

/**
 * Makes calls to Kiip that must not happen twice. With a key, the first answer is remembered, a refusal by Kiip included, and every
 * repeat gets it. What never reached Kiip is forgotten, so that the same key may be tried again; what may have reached it, without an
 * answer that can be relied on, is an unknown outcome from then on.
 */
@Injectable()
export class IdempotencyService {
  private readonly logger = new Logger('IdempotentCalls');

  constructor(private readonly store: IdempotencyStore) {}

  /** @throws Problem of this call, or of the first call that bore the key; StorageUnavailable, and then nothing was sent */
  async run<T extends object>(request: CallerRequest, call: () => Promise<T>): Promise<T> {
    const { caller, route, key } = request;
    if (key === undefined) return call().catch((error: unknown) => rethrow(error, false));
    const bodyHash = sha256Key(canonicalJson(request.body));
    const begun = await this.store.acquire({ caller, route, key, bodyHash });
    if (begun.state === 'started') return this.runFirst(begun.claim, call);
    if (begun.state !== 'replay') throw REJECTIONS[begun.state]();
    if (begun.status !== OK) throw Problem.from(JSON.parse(begun.body) as ProblemBody);
    return JSON.parse(begun.body) as T;
  }

  private async runFirst<T extends object>(claim: Lease, call: () => Promise<T>): Promise<T> {
    let answer: T;
    try {
      answer = await call();
    } catch (error) {
      return this.saveFailure(claim, error);
    }
    await this.save(() => this.store.complete(claim, { status: OK, body: JSON.stringify(answer) }));
    return answer;
  }

  private async saveFailure(claim: Lease, error: unknown): Promise<never> {
    const fate = classifyFailure(error);
    if (fate === 'never-sent') await this.save(() => this.store.release(claim));
    if (fate === 'unknown') await this.save(() => this.store.markUnknown(claim));
    if (fate === 'refused') {
      const problem = toCallProblem(error, true);
      // Whoever repeats the call has a request id of its own.
      const body = JSON.stringify(problem.body(''));
      await this.save(() => this.store.complete(claim, { status: problem.status, body }));
    }
    return rethrow(error, true);
  }

  /** The caller gets its answer even if it cannot be remembered: repeats are then told of an unknown outcome, for the lease runs out. */
  private async save(write: () => Promise<boolean>): Promise<void> {
    try {
      if (await write()) return;
      this.logger.warn({
        msg: 'idempotency lease expired before completion',
      });
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error;
      this.logger.warn({ msg: 'failed to store idempotency result', reason: error.message });
    }
  }
}

function rethrow(error: unknown, keyed: boolean): never {
  throw error instanceof UpstreamError ? toCallProblem(error, keyed) : error;
}

/** The same request may succeed later only if this one did nothing; and under its key it never does, once Kiip has answered. */
function toCallProblem(error: unknown, keyed: boolean): Problem {
  const problem = toProblem(error);
  const fate = classifyFailure(error);
  const retryable =
    problem.fields.retryable === true && (fate === 'never-sent' || (fate === 'refused' && !keyed));
  return problem.with({ retryable });
}
