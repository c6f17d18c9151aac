import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { startKigoSandbox } from '@rewards-gateway/sandbox';
import { startCallbackReceiver } from '../support/callback-receiver.js';
import { consumer } from '../support/consumer.js';
import { badge } from '../support/gateway.js';
import { redemption, startKiipGateway } from '../support/kiip.js';
import { describeWithPromtool, promtool } from '../support/promtool.js';
import { waitFor } from '../support/wait-for.js';

const root = new URL('../../', import.meta.url);
const folder = fileURLToPath(new URL('k8s/observability/', root));
const textOf = (path: string) => readFileSync(new URL(path, root), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook_url: string };
}
interface RuleTests {
  readonly tests: {
    readonly input_series: { readonly series: string }[];
    readonly alert_rule_test: { readonly alertname: string; readonly exp_alerts: unknown[] }[];
  }[];
}
interface Dashboard {
  readonly panels: { readonly title: string; readonly targets?: { readonly expr: string }[] }[];
}

const { groups } = parse(textOf('k8s/observability/alerts.yaml')) as { groups: [{ rules: Rule[] }] };
const [{ rules }] = groups;
const RULE_TESTS = ['alerts.test.yaml', 'alerts-hourly.test.yaml', 'alerts-callers.test.yaml'];
const tests = RULE_TESTS.flatMap((file) => (parse(textOf(`k8s/observability/${file}`)) as RuleTests).tests);
const { panels } = JSON.parse(textOf('k8s/observability/dashboard.json')) as Dashboard;
const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

/** Labels that Prometheus adds to every series, and the bucket label of histograms. */
const ADDED_LABELS = new Set(['job', 'instance', 'le']);

interface Selector {
  readonly metric: string;
  readonly labels: string[];
}

/** The metrics of a query with the labels that it matches or groups by. `up` comes from Prometheus itself. */
function parseSelectors(query: string): Selector[] {
  const groups = [...query.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, labels = '']) => labels.split(/, */));
  return [...query.matchAll(/\b((?:rewards_gateway|nodejs|process)_\w+)(?:\{([^}]*)\})?/g)].map(
    ([, metric = '', matchers = '']) => ({
      metric,
      labels: [...groups, ...[...matchers.matchAll(/(\w+)(?==|!)/g)].map(([, label = '']) => label)],
    }),
  );
}

/** The name of a metric without what its series add to it. */
function withoutSuffix(series: string): string {
  return series.replace(/_(bucket|count|sum)$/, '');
}

/** The labels of every metric on a /metrics page, including metrics that have no sample. */
function parseLabels(page: string): Map<string, Set<string>> {
  const shown = new Map<string, Set<string>>();
  for (const line of page.split('\n')) {
    const [, metric = '', labels = ''] = /^(?:# TYPE )?(\w+)(?:\{(.*)\})?/.exec(line) ?? [];
    const known = shown.get(metric) ?? new Set();
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label);
    shown.set(metric, known);
  }
  return shown;
}

describe('metrics in queries', () => {
  let shown: Map<string, Set<string>>;

  // A gateway on which everything has happened once.
  beforeAll(async () => {
    const [kigo, wallet, gone] = await Promise.all([
      startKigoSandbox(),
      startCallbackReceiver(),
      startCallbackReceiver(),
    ]);
    gone.answer(410);
    const consumers = [consumer(wallet.url), consumer(gone.url, { name: 'gone' })];
    const gateway = await startKiipGateway({
      KIGO_BASE_URL: kigo.url,
      DELIVERY_CONSUMERS: JSON.stringify(consumers),
    });
    try {
      await gateway.get(badge());
      await gateway.callback(redemption());
      await waitFor('the page lists all metrics', async () => {
        const page = await (await fetch(`${gateway.url}/metrics`)).text();
        shown = parseLabels(page);
        return shown.get('rewards_gateway_delivery_attempt_duration_seconds_count')?.has('outcome') ?? false;
      });
    } finally {
      await gateway.close();
      await Promise.all([kigo.close(), wallet.close(), gone.close()]);
    }
  });

  it.each([
    ['the dashboard', queries],
    ['the alert rules', rules.map(({ expr }) => expr)],
    ['the tests of the rules', tests.flatMap((test) => test.input_series.map(({ series }) => series))],
  ])('exist on a running gateway with the same labels: %s', (_, asked) => {
    const selectors = asked.flatMap(parseSelectors);
    expect(selectors.length).toBeGreaterThan(15);
    const missing = selectors.filter(({ metric, labels }) => {
      const known = shown.get(metric);
      // Gauges of rare events are declared but have no sample here.
      return (
        !known || (known.size > 0 && labels.some((label) => !ADDED_LABELS.has(label) && !known.has(label)))
      );
    });
    expect(missing).toEqual([]);
  });

  it('show every metric of the gateway on the dashboard', () => {
    const asked = new Set(queries.flatMap(parseSelectors).map(({ metric }) => withoutSuffix(metric)));
    const ours = [...shown.keys()]
      .filter((metric) => metric.startsWith('rewards_gateway_'))
      .map(withoutSuffix);
    expect(ours.length).toBeGreaterThan(30);
    expect(ours.filter((metric) => !asked.has(metric))).toEqual([]);
  });
});

describe('alert rules', () => {
  const runbook = textOf('docs/runbook.md');
  const anchors = [...runbook.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );

  it.each(rules.map((rule) => [rule.alert, rule] as const))(
    'link to a section of the runbook: %s',
    (_, rule) => {
      const [file, anchor] = rule.annotations.runbook_url.split('#');
      expect(file).toBe('docs/runbook.md');
      expect(anchors.filter((heading) => heading === anchor)).toHaveLength(1);
      expect(['page', 'ticket']).toContain(rule.labels.severity);
    },
  );

  it('select only series of their own job', () => {
    const open = rules.filter(({ expr }) =>
      parseSelectors(expr).some(({ labels }) => !labels.includes('job')),
    );
    expect(open.map(({ alert }) => alert)).toEqual([]);
  });

  it('each have a test in which they fire and one in which they do not', () => {
    const cases = tests.flatMap((test) => test.alert_rule_test);
    const names = (fires: boolean) =>
      new Set(cases.filter((c) => c.exp_alerts.length > 0 === fires).map((c) => c.alertname));
    const all = new Set(rules.map(({ alert }) => alert));
    expect([names(true), names(false)]).toEqual([all, all]);
  });
});

describe('observability kustomize component', () => {
  interface Component {
    readonly patches: { readonly path: string }[];
    readonly configMapGenerator: { readonly files: string[] }[];
  }
  interface Patch {
    readonly spec: { readonly template: { readonly metadata: { readonly annotations: object } } };
  }

  it('refers to existing files and annotates pods for scraping', () => {
    const { patches, configMapGenerator } = parse(
      textOf('k8s/observability/kustomization.yaml'),
    ) as Component;
    const files = [...patches.map(({ path }) => path), ...configMapGenerator.flatMap((map) => map.files)];
    expect(files.filter((file) => !existsSync(folder + file))).toEqual([]);
    const { spec } = parse(textOf('k8s/observability/scrape.yaml')) as Patch;
    expect(spec.template.metadata.annotations).toEqual({
      'prometheus.io/scrape': 'true',
      'prometheus.io/port': /MANAGEMENT_PORT=(\d+)/.exec(textOf('k8s/base/kustomization.yaml'))![1],
      'prometheus.io/path': '/metrics',
    });
  });
});

describeWithPromtool('alert rules in promtool', () => {
  it('are valid', () => {
    expect(promtool(folder, 'check', 'rules', 'alerts.yaml')).toMatchObject({ status: 0 });
  });

  it('fire with the expected summaries, and do not fire in a normal hour', () => {
    const { status, output } = promtool(folder, 'test', 'rules', ...RULE_TESTS);
    expect([status, output]).toEqual([0, expect.stringContaining('SUCCESS')]);
  });
});
