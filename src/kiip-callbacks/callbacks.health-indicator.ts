import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { CallbackCounters } from './callback-counters.js';

@Injectable()
export class CallbacksHealthIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly counters: CallbackCounters,
  ) {}

  /** Always up, with the counts since the start: they show when an old secret can be removed. */
  check() {
    return this.indicators.check('kiip_callbacks').up({ since_start: this.counters.snapshot() });
  }
}
