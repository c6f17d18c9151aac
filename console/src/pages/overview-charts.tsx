import { operational } from '../api.js';
import type { Schemas } from '../api.js';
import { Chart } from '../parts/chart.js';
import { Loading } from '../parts/loading.js';
import { ProblemNote } from '../parts/problem.js';
import { href } from '../router.js';
import { can } from '../session.js';
import { useLoad } from '../use-load.js';

const REFRESH_MS = 10_000;

export function Charts() {
  const { data, error, reload } = useLoad(
    (signal) => operational<Schemas['MetricsHistory']>('metrics/history', signal),
    [],
    REFRESH_MS,
  );
  if (error !== undefined) return <ProblemNote error={error} retry={reload} />;
  if (data === undefined) return <Loading lines={8} />;
  const { series, step_seconds: stepSeconds, to, replica } = data;
  const time = { stepSeconds, to };
  const delivers = series.deliveries.at(-1) !== null;
  return (
    <section class="stack" aria-labelledby="charts">
      <div>
        <h2 id="charts">The last hour</h2>
        <p class="hint">
          Of the process that answers this page: <bdi class="id">{replica}</bdi>
          {!delivers && '. It does not deliver: workers do, and Prometheus has their charts.'}
        </p>
      </div>
      <div class="charts">
        <Chart
          title="Callbacks"
          unit="/s"
          series={[
            { name: 'accepted', values: series.callbacks },
            { name: 'rejected', values: series.callbacks_rejected },
          ]}
          {...time}
          {...(can('ledger:read') && { href: href('/entries') })}
        />
        {delivers && (
          <Chart
            title="Deliveries"
            unit="/s"
            series={[
              { name: 'delivered', values: series.deliveries },
              { name: 'failed', values: series.deliveries_failed },
            ]}
            {...time}
            {...(can('deliveries:manage') && { href: href('/deliveries') })}
          />
        )}
        <Chart
          title="Waiting deliveries"
          unit=""
          series={[{ name: 'waiting', values: series.backlog }]}
          {...time}
          {...(can('deliveries:manage') && { href: href('/deliveries', { status: 'pending' }) })}
        />
        <Chart
          title="Unviewed counts"
          unit="/s"
          series={[
            { name: 'asked', values: series.counts },
            { name: 'from the cache', values: series.counts_cached },
          ]}
          {...time}
        />
        <Chart
          title="Vendor latency"
          unit=" ms"
          series={[
            { name: 'Kigo', values: series.kigo_ms },
            { name: 'Kiip', values: series.kiip_ms },
          ]}
          {...time}
        />
      </div>
    </section>
  );
}
