import { Injectable } from '@nestjs/common';
import { KigoTokenStatus } from '../kigo-auth/kigo-token-status.js';
import type { OperationBreaker } from '../upstream/operation-breaker.js';
import { BreakerRegistry } from '../upstream/breaker-registry.js';
import { UPSTREAM_FAILURES } from '../upstream/upstream-error.js';
import { BREAKER_LEVELS } from './breaker-levels.js';
import { MetricsRegistry } from './instruments.js';
import type { Labels, Samples } from './instruments.js';

const OUTCOMES = ['ok', 'short_circuited', ...UPSTREAM_FAILURES] as const;
const BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What the vendors are asked, and how they answer; and the token that Kigo is asked with. */
@Injectable()
export class UpstreamMetrics {
  /** By vendor, operation and outcome. */
  private readonly attempts = new Map<string, number>();

  constructor(
    instruments: MetricsRegistry,
    private readonly circuits: BreakerRegistry,
    private readonly tokens: KigoTokenStatus,
  ) {
    const operation = ['upstream', 'operation'];
    const durations = instruments.histogram({
      name: 'upstream_attempt_duration_seconds',
      help: 'Attempts to call a vendor, held-back ones included, by what became of them and the class of the status (2xx to 5xx; none without an answer)',
      labels: [...operation, 'outcome', 'status_class'],
      buckets: BUCKETS,
    });
    circuits.onAttempt(({ breaker: circuit, outcome, status, durationMs }) => {
      durations
        .labels(circuit.upstream, circuit.operation, outcome, toStatusClass(status))
        .observe(durationMs / 1000);
      const key = toKey(circuit, outcome);
      this.attempts.set(key, (this.attempts.get(key) ?? 0) + 1);
    });
    // Beside the histogram, which would be large with every outcome at 0: a series that begins at 1 hides its first one from `increase`.
    instruments.counter({
      name: 'upstream_attempts_total',
      help: 'Attempts to call a vendor, by what became of them: every outcome there can be, from the start on',
      labels: [...operation, 'outcome'],
      collect: () =>
        circuits
          .all()
          .flatMap((circuit) =>
            OUTCOMES.map(
              (outcome) =>
                [{ ...toLabels(circuit), outcome }, this.attempts.get(toKey(circuit, outcome)) ?? 0] as const,
            ),
          ),
    });
    instruments.counter({
      name: 'upstream_retries_total',
      help: 'Attempts that followed a failed one of the same call',
      labels: operation,
      collect: () => this.perOperation(({ retries }) => retries),
    });
    instruments.counter({
      name: 'upstream_failures_total',
      help: 'Calls that failed after all attempts, or whose answer cannot be used',
      labels: [...operation, 'failure'],
      collect: () => this.failures(),
    });
    instruments.gauge({
      name: 'upstream_circuit_breaker_state',
      help: 'The circuit breaker: 0 closed, 1 half-open, 2 open',
      labels: operation,
      collect: () => this.perOperation(({ state }) => BREAKER_LEVELS[state]),
    });
    this.registerTokenMetrics(instruments);
  }

  private registerTokenMetrics(instruments: MetricsRegistry): void {
    const token = (read: (token: { issuedAt: number; expiresAt: number }) => number) => (): Samples => {
      const { current: life } = this.tokens;
      return life ? [[{}, read(life) / 1000]] : [];
    };
    instruments.gauge({
      name: 'kigo_token_age_seconds',
      help: 'Since the partner token was asked for; nothing while there is none',
      collect: token(({ issuedAt }) => Date.now() - issuedAt),
    });
    instruments.gauge({
      name: 'kigo_token_remaining_seconds',
      help: 'What is left of the life of the partner token; nothing while there is none',
      collect: token(({ expiresAt }) => Math.max(0, expiresAt - Date.now())),
    });
    instruments.counter({
      name: 'kigo_token_coalesced_requests_total',
      help: 'Calls that waited for a login that another one had begun',
      collect: () => [[{}, this.tokens.coalescedWaits]],
    });
  }

  private perOperation(read: (circuit: OperationBreaker) => number): Samples {
    return this.circuits.all().map((circuit) => [toLabels(circuit), read(circuit)] as const);
  }

  private failures(): Samples {
    return this.circuits
      .all()
      .flatMap((circuit) =>
        Object.entries(circuit.failures).map(
          ([failure, count]) => [{ ...toLabels(circuit), failure }, count] as const,
        ),
      );
  }
}

function toKey({ upstream, operation }: OperationBreaker, outcome: (typeof OUTCOMES)[number]): string {
  return `${upstream} ${operation} ${outcome}`;
}

function toLabels({ upstream, operation }: OperationBreaker): Labels {
  return { upstream, operation };
}

function toStatusClass(status: number | undefined): string {
  return status === undefined ? 'none' : `${Math.floor(status / 100)}xx`;
}
