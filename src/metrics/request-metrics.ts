import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import type { BucketCounts } from './histogram.js';
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

/** Of one caller and route. */
interface Series {
  readonly method: string;
  readonly status: number;
  readonly labels: Labels;
  requests: number;
  readonly durations: BucketCounts;
}

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Node parses three dozen methods; no route uses any other. */
const COMMON_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Rate, errors and duration of every route. */
@Injectable()
export class RequestMetrics {
  /** By caller and route: a key of all that tells series apart would take longer to make than to look up. */
  private readonly series = new Map<string, Map<string, Series[]>>();
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
      collect: () =>
        [...this.series.values()]
          .flatMap((ofCaller) => [...ofCaller.values()].flat())
          .map(({ labels, requests }) => [labels, requests] as const),
    });
  }

  count({ method: received, route = 'unknown', status, durationMs, caller }: CompletedRequest): void {
    const method = COMMON_METHODS.has(received) ? received : 'other';
    const series = this.find(method, route, status, (this.callerNamesAreBounded && caller) || '');
    series.requests += 1;
    series.durations.observe(durationMs / 1000);
  }

  private find(method: string, route: string, status: number, caller: string): Series {
    const ofRoute = this.seriesOf(caller, route);
    for (const series of ofRoute) if (series.status === status && series.method === method) return series;
    const series = {
      method,
      status,
      labels: { method, route, status: String(status), caller },
      requests: 0,
      durations: this.durations.labels(method, route, `${Math.floor(status / 100)}xx`),
    };
    ofRoute.push(series);
    return series;
  }

  private seriesOf(caller: string, route: string): Series[] {
    let ofCaller = this.series.get(caller);
    if (!ofCaller) this.series.set(caller, (ofCaller = new Map()));
    let ofRoute = ofCaller.get(route);
    if (!ofRoute) ofCaller.set(route, (ofRoute = []));
    return ofRoute;
  }
}
