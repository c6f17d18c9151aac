import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import type { Pause } from './consumer-pauses.queries.js';
import { ConsumersService } from './consumers.service.js';
import { DeliveryWorker } from './delivery-worker.js';

const REASONS: Record<Pause['cause'], string> = {
  gone: 'the consumer responded 410 Gone',
  manual: 'a caller paused it',
};

@Injectable()
export class ConsumersHealthIndicator {
  private pauses: Promise<ReadonlyMap<string, Pause> | undefined> | undefined;

  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly worker: DeliveryWorker,
    private readonly service: ConsumersService,
  ) {}

  /**
   * Down while the circuit breaker of a consumer is open in this process. A process that does not deliver lists no consumer. Who paused
   * a consumer and what they said about it is for callers with a credential only.
   */
  async check() {
    const { consumers } = this.worker;
    const pauses = consumers.length === 0 ? undefined : await this.findPauses();
    const details = Object.fromEntries(
      consumers.map(({ consumer: { name }, throttle }) => [
        name,
        {
          breaker: throttle.state,
          last_success_at: throttle.lastSuccessAt?.toISOString() ?? null,
          ...(pauses && { paused: describePause(pauses.get(name)) }),
        },
      ]),
    );
    const indicator = this.indicators.check('consumers');
    const failing = consumers.some(({ throttle }) => throttle.state === 'open');
    return failing ? indicator.down(details) : indicator.up(details);
  }

  /** Anybody may ask: one read of the database serves all that wait for it. It has a check of its own, so a failure is none here. */
  private findPauses() {
    this.pauses ??= this.service
      .findPauses()
      .catch(() => undefined)
      .finally(() => (this.pauses = undefined));
    return this.pauses;
  }
}

function describePause(pause: Pause | undefined) {
  return pause ? { since: pause.since.toISOString(), reason: REASONS[pause.cause] } : null;
}
