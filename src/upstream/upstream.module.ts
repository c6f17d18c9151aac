import { Global, Module } from '@nestjs/common';
import { Circuits } from './circuits.js';

@Global()
@Module({ providers: [Circuits], exports: [Circuits] })
export class UpstreamModule {}
