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

  constructor(private readonly instruments: Instruments) {}

  /** In Prometheus' text format. */
  async text(): Promise<string> {
    const texts = await Promise.all([this.instruments.registry.metrics(), ofProcess.metrics()]);
    return texts.join('');
  }
}
