import { Global, Module } from '@nestjs/common';
import { BreakerRegistry } from './breaker-registry.js';

@Global()
@Module({ providers: [BreakerRegistry], exports: [BreakerRegistry] })
export class UpstreamModule {}
