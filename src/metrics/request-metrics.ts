import { Injectable } from '@nestjs/common';
import type { Histogram } from 'prom-client';
import { Config } from '../config/config.js';
import { MetricsRegistry } from './instruments.js';
import type { Labels } from './instruments.js';

export interface CompletedRequest {
  readonly method: string;
  /** The template; undefined for a path that is no route. */
  readonly route: string | undefined;
  readonly status: number;
  readonly durationMs: number;
  readonly caller: string | undefined;
}

interface Series {
  readonly labels: Labels;
  requests: number;
  readonly duration: Histogram.Internal<string>;
}

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Node reads three dozen methods; no route has another than these. */
const COMMON_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Rate, errors and duration of every route. */
@Injectable()
export class RequestMetrics {
  /** By method, route, status and caller: what a request costs here is one look-up. */
  private readonly series = new Map<string, Series>();
  private readonly durations;
  private readonly callerNamesAreBounded: boolean;

  constructor(instruments: MetricsRegistry, config: Config) {
    // Names of tokens are the issuer's to give: any number of them may come.
    this.callerNamesAreBounded = config.callerAuth === 'api-key';
    this.durations = instruments.histogram({
      name: 'http_request_duration_seconds',
      help: 'From the first byte of a request to the last of its answer, by the class of its status',
      labels: ['method', 'route', 'status_class'],
      buckets: BUCKETS,
    });
    instruments.counter({
      name: 'http_requests_total',
      help: 'Answered requests; caller: the name of the API key, where there was one',
      labels: ['method', 'route', 'status', 'caller'],
      collect: () => [...this.series.values()].map(({ labels, requests }) => [labels, requests] as const),
    });
  }

  count({ method, route = 'unknown', status, durationMs, caller }: CompletedRequest): void {
    const name = (this.callerNamesAreBounded && caller) || '';
    const key = `${method} ${route} ${status} ${name}`;
    let series = this.series.get(key);
    if (!series) {
      series = this.createSeries(COMMON_METHODS.has(method) ? method : 'other', route, status, name);
      this.series.set(key, series);
    }
    series.requests += 1;
    series.duration.observe(durationMs / 1000);
  }

  private createSeries(method: string, route: string, status: number, caller: string): Series {
    const statusClass = `${Math.floor(status / 100)}xx`;
    return {
      labels: { method, route, status: String(status), caller },
      requests: 0,
      duration: this.durations.labels(method, route, statusClass),
    };
  }
}
