import { Global, Module } from '@nestjs/common';
import { BreakerRegistry } from './breaker-registry.js';
import { RetryInterceptor } from './retry.interceptor.js';

@Global()
@Module({
  providers: [BreakerRegistry, RetryInterceptor],
  exports: [BreakerRegistry, RetryInterceptor],
})
export class UpstreamModule {}
