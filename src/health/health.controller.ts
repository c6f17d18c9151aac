import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { HealthCheckService } from '@nestjs/terminus';
import { RedisHealthIndicator } from '../cache/redis.health-indicator.js';
import { Public } from '../caller-auth/public.decorator.js';
import { DatabaseHealthIndicator } from '../database/database.health-indicator.js';
import { ApiHealth } from './api-health.decorator.js';
import { DependencyHealthIndicators } from './dependency-health-indicators.js';
import { ProcessHealthIndicator } from './process.health-indicator.js';

const kigo = (status: string, breaker: string) => ({
  status,
  operations: { lookup: { breaker, last_success_at: '2026-01-31T12:00:00.000Z' } },
});

/**
 * The probes report this process only. An unavailable dependency never fails them: it would take all pods out of service at
 * once. `dependencies` reports the dependencies, for people and alerts.
 */
@Public('operational')
@ApiTags('Health')
@Controller('health')
export class HealthController {
  constructor(
    private readonly checks: HealthCheckService,
    private readonly process: ProcessHealthIndicator,
    private readonly database: DatabaseHealthIndicator,
    private readonly redis: RedisHealthIndicator,
    private readonly dependencyIndicators: DependencyHealthIndicators,
  ) {}

  @Get('live')
  @ApiHealth({
    operationId: 'getLiveness',
    summary: 'Liveness probe',
    description: 'The process responds and was not blocked for 10 s.',
    healthy: { event_loop: { status: 'up' } },
    unhealthy: { event_loop: { status: 'down' } },
  })
  live() {
    return this.checks.check([() => this.process.checkEventLoop()]);
  }

  @Get('startup')
  @ApiHealth({
    operationId: 'getStartup',
    summary: 'Startup probe',
    description: 'The process has started, and the database was reached once.',
    healthy: { process: { status: 'up' }, database: { status: 'up', state: 'up' } },
    unhealthy: { process: { status: 'up' }, database: { status: 'down', state: 'unknown' } },
  })
  startup() {
    return this.checks.check([() => this.process.check(), () => this.database.checkMigrated()]);
  }

  @Get('ready')
  @ApiHealth({
    operationId: 'getReadiness',
    summary: 'Readiness probe',
    description: 'The process accepts traffic. Stores that are lost later are reported, and do not fail it.',
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
    return this.checks.check([
      () => this.process.check(),
      () => this.database.checkMigrated(),
      () => this.redis.report(),
    ]);
  }

  @Get('dependencies')
  @ApiHealth({
    operationId: 'getDependencies',
    summary: 'State of every upstream, store and consumer',
    description: 'For people and alerts; not for probes.',
    healthy: { kigo: kigo('up', 'closed'), redis: { status: 'up', state: 'up' } },
    unhealthy: { kigo: kigo('down', 'open'), redis: { status: 'up', state: 'up' } },
  })
  dependencies() {
    return this.checks.check([() => this.dependencyIndicators.check()]);
  }
}
