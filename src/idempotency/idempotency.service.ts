import { Injectable, Logger } from '@nestjs/common';
import { StorageUnavailableError } from '../database/storage-error.js';
import { idempotencyKeyReused, originalInFlight, outcomeUnknown } from '../problem/problem-catalogue.js';
import { Problem } from '../problem/problem.js';
import type { ProblemBody } from '../problem/problem.js';
import { toProblem } from '../problem/to-problem.js';
import { UpstreamError } from '../upstream/upstream-error.js';
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
  'in-flight': originalInFlight,
  'key-reused': idempotencyKeyReused,
  'outcome-unknown': outcomeUnknown,
};

/**
 * Makes calls to Kiip that must not happen twice. With a key, the first response is stored, also a rejection by Kiip, and every
 * repeat gets it. A call that never reached Kiip is not stored, so the same key may be used again. A call that may have reached
 * Kiip, without a reliable response, has an unknown outcome from then on.
 */
@Injectable()
export class IdempotencyService {
  private readonly logger = new Logger('IdempotencyService');

  constructor(private readonly store: IdempotencyStore) {}

  /** @throws Problem of this call, or of the first call with this key; StorageUnavailableError, and then nothing was sent */
  async run<T extends object>(request: CallerRequest, call: () => Promise<T>): Promise<T> {
    const { caller, route, key } = request;
    if (key === undefined) return call().catch((error: unknown) => rethrow(error, false));
    const bodyHash = sha256Key(canonicalJson(request.body));
    const result = await this.store.acquire({ caller, route, key, bodyHash });
    if (result.state === 'started') return this.runFirst(result.lease, call);
    if (result.state !== 'replay') throw REJECTIONS[result.state]();
    if (result.status !== OK) throw Problem.from(JSON.parse(result.body) as ProblemBody);
    return JSON.parse(result.body) as T;
  }

  private async runFirst<T extends object>(lease: Lease, call: () => Promise<T>): Promise<T> {
    let response: T;
    try {
      response = await call();
    } catch (error) {
      return this.saveFailure(lease, error);
    }
    await this.save(() => this.store.complete(lease, { status: OK, body: JSON.stringify(response) }));
    return response;
  }

  private async saveFailure(lease: Lease, error: unknown): Promise<never> {
    const outcome = classifyFailure(error);
    if (outcome === 'never-sent') await this.save(() => this.store.release(lease));
    if (outcome === 'unknown') await this.save(() => this.store.markUnknown(lease));
    if (outcome === 'rejected') {
      const problem = toCallProblem(error, true);
      // Every repeat has a request id of its own.
      const body = JSON.stringify(problem.body(''));
      await this.save(() => this.store.complete(lease, { status: problem.status, body }));
    }
    return rethrow(error, true);
  }

  /** The caller gets its response even if it cannot be stored: the lease then expires, and repeats get an unknown outcome. */
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

/** A retry can only succeed if this request had no effect, and, with a key, only if Kiip has not responded to it. */
function toCallProblem(error: unknown, keyed: boolean): Problem {
  const problem = toProblem(error);
  const outcome = classifyFailure(error);
  const retryable =
    problem.fields.retryable === true && (outcome === 'never-sent' || (outcome === 'rejected' && !keyed));
  return problem.with({ retryable });
}

/** JSON with sorted keys: the same for two bodies that differ only in the order of their fields. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, field: unknown) =>
    typeof field === 'object' && field !== null && !Array.isArray(field)
      ? Object.fromEntries(Object.entries(field).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : field,
  );
}
