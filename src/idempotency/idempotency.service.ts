import { Injectable, Logger } from '@nestjs/common';
import { StorageUnavailable } from '../database/storage-error.js';
import { idempotencyKeyReused, originalInFlight, outcomeUnknown } from '../problem/problem-catalogue.js';
import { Problem } from '../problem/problem.js';
import type { ProblemBody } from '../problem/problem.js';
import { toProblem } from '../problem/to-problem.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import { canonicalJson } from './canonical-json.js';
import { fateOf } from './call-outcome.js';
import { fingerprint } from '../database/text-columns.js';
import { IdempotencyKeys } from './idempotency-store.js';
import type { Claim } from './idempotency-store.js';

export interface CallerRequest {
  readonly caller: string;
  readonly route: string;
  readonly body: object;
  /** The `Idempotency-Key`, if one was given. */
  readonly key: string | undefined;
}

const ok = 200;

const refusals = {
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
export class IdempotentCalls {
  private readonly logger = new Logger('IdempotentCalls');

  constructor(private readonly keys: IdempotencyKeys) {}

  /** @throws Problem of this call, or of the first call that bore the key; StorageUnavailable, and then nothing was sent */
  async run<T extends object>(request: CallerRequest, call: () => Promise<T>): Promise<T> {
    const { caller, route, key } = request;
    if (key === undefined) return call().catch((error: unknown) => fail(error, false));
    const bodyHash = fingerprint(canonicalJson(request.body));
    const begun = await this.keys.begin({ caller, route, key, bodyHash });
    if (begun.state === 'started') return this.first(begun.claim, call);
    if (begun.state !== 'replay') throw refusals[begun.state]();
    if (begun.status !== ok) throw Problem.from(JSON.parse(begun.body) as ProblemBody);
    return JSON.parse(begun.body) as T;
  }

  private async first<T extends object>(claim: Claim, call: () => Promise<T>): Promise<T> {
    let answer: T;
    try {
      answer = await call();
    } catch (error) {
      return this.settleFailure(claim, error);
    }
    await this.settle(() => this.keys.finish(claim, { status: ok, body: JSON.stringify(answer) }));
    return answer;
  }

  private async settleFailure(claim: Claim, error: unknown): Promise<never> {
    const fate = fateOf(error);
    if (fate === 'never-sent') await this.settle(() => this.keys.forget(claim));
    if (fate === 'unknown') await this.settle(() => this.keys.markUnknown(claim));
    if (fate === 'refused') {
      const problem = problemOf(error, true);
      // Whoever repeats the call has a request id of its own.
      const body = JSON.stringify(problem.body(''));
      await this.settle(() => this.keys.finish(claim, { status: problem.status, body }));
    }
    return fail(error, true);
  }

  /** The caller gets its answer even if it cannot be remembered: repeats are then told of an unknown outcome, for the lease runs out. */
  private async settle(write: () => Promise<boolean>): Promise<void> {
    try {
      if (await write()) return;
      this.logger.warn({
        msg: 'idempotency lease expired before completion',
      });
    } catch (error) {
      if (!(error instanceof StorageUnavailable)) throw error;
      this.logger.warn({ msg: 'failed to store idempotency result', reason: error.message });
    }
  }
}

function fail(error: unknown, keyed: boolean): never {
  throw error instanceof UpstreamError ? problemOf(error, keyed) : error;
}

/** The same request may succeed later only if this one did nothing; and under its key it never does, once Kiip has answered. */
function problemOf(error: unknown, keyed: boolean): Problem {
  const problem = toProblem(error);
  const fate = fateOf(error);
  const retryable =
    problem.fields.retryable === true && (fate === 'never-sent' || (fate === 'refused' && !keyed));
  return problem.with({ retryable });
}
