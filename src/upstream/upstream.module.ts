import { Global, Module } from '@nestjs/common';
import { Circuits } from './breaker-registry.js';

@Global()
@Module({ providers: [Circuits], exports: [Circuits] })
export class UpstreamModule {}
