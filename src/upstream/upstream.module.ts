import { Global, Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { BreakerRegistry } from './breaker-registry.js';
import { RetryAfterService } from './retry-after.service.js';
import { RetryBudgetService } from './retry-budget.service.js';
import { RetryInterceptor } from './retry.interceptor.js';
import { UpstreamHealthIndicator } from './upstream.health-indicator.js';

@Global()
@Module({
  imports: [TerminusModule],
  providers: [
    BreakerRegistry,
    RetryAfterService,
    RetryBudgetService,
    RetryInterceptor,
    UpstreamHealthIndicator,
  ],
  exports: [BreakerRegistry, RetryInterceptor, UpstreamHealthIndicator],
})
export class UpstreamModule {}
