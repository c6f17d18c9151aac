import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';
import { RedisState } from '../cache/redis-state.js';
import { Public } from '../caller-auth/public.decorator.js';
import { Database } from '../database/database.js';
import { ApiHealth } from './api-health.decorator.js';
import { DependencyReports } from './dependency-reports.js';
import { EventLoopMonitor } from './event-loop.js';
import { LifecycleService } from './lifecycle.js';

const kigo = (status: string, breaker: string) => ({
  status,
  operations: { lookup: { breaker, last_success_at: '2026-01-31T12:00:00.000Z' } },
});

/**
 * Probes tell of this process alone: a vendor or a store that is away never takes a pod out, for all would go at once.
 * What is away is told by `dependencies`, to people and alerts.
 */
@Public('operational')
@ApiTags('Health')
@Controller('health')
export class HealthController {
  constructor(
    private readonly checks: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly lifecycle: LifecycleService,
    private readonly eventLoop: EventLoopMonitor,
    private readonly redis: RedisState,
    private readonly database: Database,
    private readonly reports: DependencyReports,
  ) {}

  @Get('live')
  @ApiHealth({
    operationId: 'getLiveness',
    summary: 'Whether the process works, and did not stand still for 10 s: liveness probe',
    healthy: { event_loop: { status: 'up' } },
    unhealthy: { event_loop: { status: 'down' } },
  })
  live() {
    return this.checks.check([
      () => {
        const report = this.indicators.check('event_loop');
        return this.eventLoop.recentlyBlocked ? report.down() : report.up();
      },
    ]);
  }

  @Get('startup')
  @ApiHealth({
    operationId: 'getStartup',
    summary: 'Whether the process has started: startup probe',
    healthy: { process: { status: 'up' }, database: { status: 'up', state: 'up' } },
    unhealthy: { process: { status: 'up' }, database: { status: 'down', state: 'unknown' } },
  })
  startup() {
    return this.checks.check([() => this.process(), () => this.firstContact()]);
  }

  @Get('ready')
  @ApiHealth({
    operationId: 'getReadiness',
    summary: 'Whether the process wants traffic: readiness probe',
    healthy: {
      process: { status: 'up' },
      database: { status: 'up', state: 'up' },
      redis: { status: 'up', state: 'not-configured' },
    },
    unhealthy: {
      process: { status: 'down', state: 'draining' },
      database: { status: 'up', state: 'up' },
      redis: { status: 'up', state: 'not-configured' },
    },
  })
  ready() {
    return this.checks.check([() => this.process(), () => this.firstContact(), () => this.redisReport()]);
  }

  @Get('dependencies')
  @ApiHealth({
    operationId: 'getDependencies',
    summary: 'How each vendor and store is doing, for people and alerts; never for a probe',
    healthy: { kigo: kigo('up', 'closed'), redis: { status: 'up', state: 'up' } },
    unhealthy: { kigo: kigo('down', 'open'), redis: { status: 'up', state: 'up' } },
  })
  dependencies() {
    return this.checks.check(this.reports.all());
  }

  private process() {
    const report = this.indicators.check('process');
    return this.lifecycle.draining ? report.down({ state: 'draining' }) : report.up();
  }

  /** Lost later, the database is reported and not judged. */
  private firstContact() {
    // A probe does not wait for it: the next one reports what it has found.
    void this.database.ping().catch(() => undefined);
    const { state } = this.database.state();
    const report = this.indicators.check('database');
    return this.database.migrated ? report.up({ state }) : report.down({ state });
  }

  /** Reported, not judged. */
  private redisReport() {
    return this.indicators.check('redis').up({ state: this.redis.current });
  }
}
