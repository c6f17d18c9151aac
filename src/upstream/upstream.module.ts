import { Global, Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { BreakerRegistry } from './breaker-registry.js';
import { UpstreamHealthIndicator } from './upstream.health-indicator.js';

@Global()
@Module({
  imports: [TerminusModule],
  providers: [BreakerRegistry, UpstreamHealthIndicator],
  exports: [BreakerRegistry, UpstreamHealthIndicator],
})
export class UpstreamModule {}
