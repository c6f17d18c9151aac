import { Injectable } from '@nestjs/common';
import type { CacheResult } from '../cache/cache-entry.js';
import { toProblem } from '../problem/to-problem.js';

/** What is asked for one user or account; `unviewed-counts` is one user of a batch. */
const OPERATIONS = ['account', 'hub-summary', 'unviewed-count', 'unviewed-counts'] as const;
const OUTCOMES = [
  'ok',
  'stale',
  'not_found',
  'upstream_failed',
  'upstream_busy',
  'upstream_timeout',
  'error',
] as const;

type Operation = (typeof OPERATIONS)[number];
type Outcome = (typeof OUTCOMES)[number];

const FAILURES: Record<string, Outcome> = {
  'upstream-failed': 'upstream_failed',
  'upstream-busy': 'upstream_busy',
  'upstream-timeout': 'upstream_timeout',
};

/** Counts what each user got: a batch is 200 even if it has a problem for everybody. */
@Injectable()
export class AnswerCounters {
  // Every series exists from the start, so that a rate in Prometheus includes its first answer.
  private readonly counts = Object.fromEntries(
    OPERATIONS.map((operation) => [operation, Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0]))]),
  ) as Record<Operation, Record<Outcome, number>>;

  /** Counts how a lookup ends, and returns its result. @throws what the lookup throws */
  async count<T>(operation: Operation, lookup: Promise<CacheResult<T>>): Promise<CacheResult<T>> {
    const counts = this.counts[operation];
    try {
      const result = await lookup;
      counts[result.value === undefined ? 'not_found' : result.provenance === 'stale' ? 'stale' : 'ok'] += 1;
      return result;
    } catch (error) {
      counts[FAILURES[toProblem(error).problemName ?? ''] ?? 'error'] += 1;
      throw error;
    }
  }

  /** Counts an answer that needed no lookup. */
  countOk(operation: Operation): void {
    this.counts[operation].ok += 1;
  }

  /** Since the start. */
  get all(): Readonly<Record<Operation, Readonly<Record<Outcome, number>>>> {
    return this.counts;
  }
}
