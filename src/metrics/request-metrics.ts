import { Injectable } from '@nestjs/common';
import type { Histogram } from 'prom-client';
import { Config } from '../config/config.js';
import { MetricsRegistry } from './metrics-registry.js';
import type { Labels } from './metrics-registry.js';

export interface CompletedRequest {
  readonly method: string;
  /** The path template; undefined if no route matched. */
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
/** Node parses three dozen methods; no route uses any other. */
const COMMON_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Rate, errors and duration of every route. */
@Injectable()
export class RequestMetrics {
  /** By method, route, status and caller, so that counting a request costs one lookup. */
  private readonly series = new Map<string, Series>();
  private readonly durations;
  private readonly callerNamesAreBounded: boolean;

  constructor(registry: MetricsRegistry, config: Config) {
    // The issuer chooses the names in JWTs, so there is no bound on their number.
    this.callerNamesAreBounded = config.callerAuth === 'api-key';
    this.durations = registry.histogram({
      name: 'http_request_duration_seconds',
      help: 'Time from the first byte of the request to the last byte of the response',
      labels: ['method', 'route', 'status_class'],
      buckets: BUCKETS,
    });
    registry.counter({
      name: 'http_requests_total',
      help: 'Requests; caller is the name of the API key, or empty',
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
