import { Injectable } from '@nestjs/common';
import { Registry, collectDefaultMetrics } from 'prom-client';
import { Instruments } from './instruments.js';

/** Memory, processor, garbage collection, how late the event loop is: once for a process, however many applications are in it. */
const ofProcess = new Registry();
collectDefaultMetrics({ register: ofProcess });

/** What this process shows to Prometheus. */
@Injectable()
export class Metrics {
  static readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;

  private rendering: Promise<string> | undefined;

  constructor(private readonly instruments: Instruments) {}

  /** In Prometheus' text format. Who asks while it is being written gets the same: anybody may ask, and it takes a while. */
  text(): Promise<string> {
    this.rendering ??= this.render().finally(() => (this.rendering = undefined));
    return this.rendering;
  }

  private async render(): Promise<string> {
    const texts = await Promise.all([this.instruments.registry.metrics(), ofProcess.metrics()]);
    return texts.join('');
  }
}
