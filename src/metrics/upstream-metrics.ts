import { Injectable } from '@nestjs/common';
import { KigoTokenService } from '../kigo-auth/kigo-token.service.js';
import type { Circuit } from '../upstream/operation-breaker.js';
import { Circuits } from '../upstream/breaker-registry.js';
import { upstreamFailures } from '../upstream/upstream-error.js';
import { breakerLevels } from './breaker-levels.js';
import { Instruments } from './instruments.js';
import type { Labels, Samples } from './instruments.js';

const outcomes = ['ok', 'held-back', ...upstreamFailures] as const;
const buckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What the vendors are asked, and how they answer; and the token that Kigo is asked with. */
@Injectable()
export class UpstreamMetrics {
  /** By vendor, operation and outcome. */
  private readonly attempts = new Map<string, number>();

  constructor(
    instruments: Instruments,
    private readonly circuits: Circuits,
    private readonly tokens: KigoTokenService,
  ) {
    const operation = ['vendor', 'operation'];
    const durations = instruments.histogram({
      name: 'upstream_attempt_duration_seconds',
      help: 'Attempts to call a vendor, held-back ones included, by what became of them and the class of the status (2xx to 5xx; none without an answer)',
      labels: [...operation, 'outcome', 'status_class'],
      buckets,
    });
    circuits.onAttempt(({ circuit, outcome, status, durationMs }) => {
      durations
        .labels(circuit.vendor, circuit.operation, outcome, classOf(status))
        .observe(durationMs / 1000);
      const key = keyOf(circuit, outcome);
      this.attempts.set(key, (this.attempts.get(key) ?? 0) + 1);
    });
    // Beside the histogram, which would be large with every outcome at 0: a series that begins at 1 hides its first one from `increase`.
    instruments.counter({
      name: 'upstream_attempts_total',
      help: 'Attempts to call a vendor, by what became of them: every outcome there can be, from the start on',
      labels: [...operation, 'outcome'],
      read: () =>
        circuits
          .all()
          .flatMap((circuit) =>
            outcomes.map(
              (outcome) =>
                [{ ...labelsOf(circuit), outcome }, this.attempts.get(keyOf(circuit, outcome)) ?? 0] as const,
            ),
          ),
    });
    instruments.counter({
      name: 'upstream_retries_total',
      help: 'Attempts that followed a failed one of the same call',
      labels: operation,
      read: () => this.each(({ retries }) => retries),
    });
    instruments.counter({
      name: 'upstream_failures_total',
      help: 'Calls that failed after all attempts, or whose answer cannot be used',
      labels: [...operation, 'failure'],
      read: () => this.failures(),
    });
    instruments.gauge({
      name: 'upstream_breaker',
      help: 'The circuit breaker: 0 closed, 1 half-open, 2 open',
      labels: operation,
      read: () => this.each(({ state }) => breakerLevels[state]),
    });
    this.showToken(instruments);
  }

  private showToken(instruments: Instruments): void {
    const token = (read: (token: { sentAt: number; endsAt: number }) => number) => (): Samples => {
      const { life } = this.tokens;
      return life ? [[{}, read(life) / 1000]] : [];
    };
    instruments.gauge({
      name: 'kigo_token_age_seconds',
      help: 'Since the partner token was asked for; nothing while there is none',
      read: token(({ sentAt }) => Date.now() - sentAt),
    });
    instruments.gauge({
      name: 'kigo_token_remaining_seconds',
      help: 'What is left of the life of the partner token; nothing while there is none',
      read: token(({ endsAt }) => Math.max(0, endsAt - Date.now())),
    });
    instruments.counter({
      name: 'kigo_token_waits_total',
      help: 'Calls that waited for a login that another one had begun',
      read: () => [[{}, this.tokens.waits]],
    });
  }

  private each(read: (circuit: Circuit) => number): Samples {
    return this.circuits.all().map((circuit) => [labelsOf(circuit), read(circuit)] as const);
  }

  private failures(): Samples {
    return this.circuits
      .all()
      .flatMap((circuit) =>
        Object.entries(circuit.failures).map(
          ([failure, count]) => [{ ...labelsOf(circuit), failure }, count] as const,
        ),
      );
  }
}

function keyOf({ vendor, operation }: Circuit, outcome: (typeof outcomes)[number]): string {
  return `${vendor} ${operation} ${outcome}`;
}

function labelsOf({ vendor, operation }: Circuit): Labels {
  return { vendor, operation };
}

function classOf(status: number | undefined): string {
  return status === undefined ? 'none' : `${Math.floor(status / 100)}xx`;
}
