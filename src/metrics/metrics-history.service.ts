import { hostname } from 'node:os';
import { Injectable, Logger } from '@nestjs/common';
import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { Config } from '../config/config.js';
import { summarizeError } from '../log/error-summary.js';
import { LedgerMetrics } from './ledger-metrics.js';
import type { MetricsHistoryDto, MetricsSeriesDto } from './metrics-history.dto.js';
import { MetricsRegistry } from './metrics-registry.js';
import type { Labels } from './metrics-registry.js';

const STEP_SECONDS = 10;
/** Of an hour. */
const MAX_STEPS = 3_600 / STEP_SECONDS;

type Matches = (labels: Labels) => boolean;

const has =
  (label: string, ...values: string[]): Matches =>
  (labels) =>
    values.includes(labels[label]!);
const not =
  (matches: Matches): Matches =>
  (labels) =>
    !matches(labels);
const both =
  (one: Matches, other: Matches): Matches =>
  (labels) =>
    one(labels) && other(labels);

const isAccepted = has('outcome', 'recorded', 'duplicate', 'quarantined', 'spooled');
const isDelivered = has('outcome', 'delivered');
const isSummary = has('cache', 'hub-summary');
const sentTo = (upstream: string) => both(has('upstream', upstream), not(has('outcome', 'short_circuited')));

const ATTEMPTS = 'upstream_attempt_duration_seconds';

/** Metrics that only grow. Those of a histogram are its sum and its count. */
const TOTALS = {
  callbacks: ['kiip_callbacks_total', isAccepted],
  callbacks_rejected: ['kiip_callbacks_total', not(isAccepted)],
  deliveries: ['deliveries_total', isDelivered],
  deliveries_failed: ['deliveries_total', not(isDelivered)],
  counts: ['cache_lookups_total', isSummary],
  counts_cached: ['cache_lookups_total', both(isSummary, has('outcome', 'hit', 'stale'))],
  kigo_attempts: [ATTEMPTS, sentTo('kigo'), 'count'],
  kigo_seconds: [ATTEMPTS, sentTo('kigo'), 'sum'],
  kiip_attempts: [ATTEMPTS, sentTo('kiip'), 'count'],
  kiip_seconds: [ATTEMPTS, sentTo('kiip'), 'sum'],
} satisfies Record<string, readonly [metric: string, matches: Matches, part?: 'count' | 'sum']>;

type TotalName = keyof typeof TOTALS;
type Totals = Record<TotalName, number>;
type SeriesName = keyof MetricsSeriesDto;

const NAMES = Object.keys(TOTALS) as TotalName[];

/** The metrics of this process over the last hour, for people who look without a Prometheus. */
@Injectable()
export class MetricsHistoryService implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Metrics');
  private readonly series: Record<SeriesName, (number | null)[]> = {
    callbacks: [],
    callbacks_rejected: [],
    deliveries: [],
    deliveries_failed: [],
    counts: [],
    counts_cached: [],
    kigo_ms: [],
    kiip_ms: [],
    backlog: [],
  };
  private totals = Object.fromEntries(NAMES.map((name) => [name, 0])) as Totals;
  private sampledAt = performance.now();
  private to = new Date();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly registry: MetricsRegistry,
    private readonly ledger: LedgerMetrics,
    private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    const report = (error: unknown) =>
      this.logger.error({ msg: 'failed to sample the metrics', ...summarizeError(error) });
    this.timer = setInterval(() => void this.sample().catch(report), STEP_SECONDS * 1_000).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  read(): MetricsHistoryDto {
    // Somebody looks: it is counted for the next steps.
    this.ledger.refresh();
    return {
      replica: hostname(),
      step_seconds: STEP_SECONDS,
      to: this.to.toISOString(),
      series: this.series,
    };
  }

  /** Ends a step. @param now by `performance.now()` */
  async sample(now = performance.now()): Promise<void> {
    const totals = Object.fromEntries(
      await Promise.all(NAMES.map(async (name) => [name, await this.total(name)] as const)),
    ) as Totals;
    const seconds = (now - this.sampledAt) / 1_000;
    const added = (name: TotalName) => totals[name] - this.totals[name];
    const rate = (name: TotalName) => round(added(name) / seconds);
    const meanMs = (upstream: 'kigo' | 'kiip') => {
      const attempts = added(`${upstream}_attempts`);
      return attempts === 0 ? null : round((added(`${upstream}_seconds`) / attempts) * 1_000);
    };
    const delivers = this.config.role !== 'api';
    const values: Record<SeriesName, number | null> = {
      callbacks: rate('callbacks'),
      callbacks_rejected: rate('callbacks_rejected'),
      deliveries: delivers ? rate('deliveries') : null,
      deliveries_failed: delivers ? rate('deliveries_failed') : null,
      counts: rate('counts'),
      counts_cached: rate('counts_cached'),
      kigo_ms: meanMs('kigo'),
      kiip_ms: meanMs('kiip'),
      backlog: this.ledger.recentBacklog() ?? null,
    };
    for (const [name, value] of Object.entries(values)) this.append(name as SeriesName, value);
    Object.assign(this, { totals, sampledAt: now, to: new Date() });
  }

  private async total(name: TotalName): Promise<number> {
    const [metric, matches, part] = TOTALS[name] as (typeof TOTALS)['kigo_attempts'] | [string, Matches];
    const samples = await this.registry.samples(metric, part);
    return samples.reduce((sum, [labels, value]) => (matches(labels) ? sum + value : sum), 0);
  }

  private append(name: SeriesName, value: number | null): void {
    const values = this.series[name];
    if (values.push(value) > MAX_STEPS) values.shift();
  }
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
