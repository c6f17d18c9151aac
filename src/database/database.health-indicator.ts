import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { Database } from './database.js';

@Injectable()
export class DatabaseHealthIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly database: Database,
  ) {}

  /** Down while the database does not respond. */
  async check() {
    // The recorded state is that of the last statement, which may be old.
    await this.database.ping().catch(() => undefined);
    const { state, lastSuccessAt, lastFailure } = this.database.state();
    const details = {
      state,
      last_success_at: lastSuccessAt?.toISOString() ?? null,
      last_failure: lastFailure && { at: lastFailure.at.toISOString(), reason: lastFailure.reason },
    };
    const indicator = this.indicators.check('database');
    return state === 'up' ? indicator.up(details) : indicator.down(details);
  }

  /** Up once the database has been reached and migrated, also when it becomes unavailable later. */
  checkMigrated() {
    // Probes answer from memory: the next one reports the result of this check.
    this.database.refreshState();
    const { state } = this.database.state();
    const indicator = this.indicators.check('database');
    return this.database.migrated ? indicator.up({ state }) : indicator.down({ state });
  }
}
