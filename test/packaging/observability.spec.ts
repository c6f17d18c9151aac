import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { startKigoSandbox } from '@rewards-gateway/sandbox';
import { startCallbackReceiver } from '../support/callback-receiver.js';
import { consumer } from '../support/consumer.js';
import { badge } from '../support/gateway.js';
import { redemption, startKiipGateway } from '../support/kiip.js';
import { describeWithPromtool, promtool } from '../support/promtool.js';
import { waitFor } from '../support/wait-for.js';

const root = new URL('../../', import.meta.url);
const textOf = (path: string) => readFileSync(new URL(path, root), 'utf8');

interface Rule {
  readonly alert: string;
  readonly record?: string;
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
  readonly annotations: { readonly list: { readonly expr: string }[] };
  readonly panels: {
    readonly title: string;
    readonly type: string;
    readonly description?: string;
    readonly targets?: { readonly expr: string }[];
  }[];
}

const { groups } = (
  parse(textOf('k8s/observability/alerts.yaml')) as {
    spec: { groups: { name: string; rules: Rule[] }[] };
  }
).spec;
const everyRule = groups.flatMap(({ rules }) => rules);
const rules = everyRule.filter(({ record }) => record === undefined);
const RULE_TESTS = [
  'alerts.test.yaml',
  'alerts-hourly.test.yaml',
  'alerts-callers.test.yaml',
  'alerts-cluster.test.yaml',
  'slo.test.yaml',
];
const tests = RULE_TESTS.flatMap((file) => (parse(textOf(`k8s/observability/${file}`)) as RuleTests).tests);
const { panels, annotations } = JSON.parse(textOf('k8s/observability/dashboard.json')) as Dashboard;
const queries = [...panels.flatMap(({ targets = [] }) => targets), ...annotations.list].map(
  ({ expr }) => expr,
);

/** Labels that Prometheus adds to every series, and the bucket label of histograms. */
const ADDED_LABELS = new Set(['job', 'namespace', 'instance', 'le']);

interface Selector {
  readonly metric: string;
  readonly labels: string[];
}

/** The metrics of a query with the labels that it matches or groups by. `up` comes from Prometheus itself. */
function parseSelectors(query: string): Selector[] {
  const groups = [...query.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, labels = '']) => labels.split(/, */));
  return [...query.matchAll(/\b((?:rewards_gateway|nodejs|process)_\w+)(?:\{((?:"[^"]*"|[^}"])*)\})?/g)].map(
    ([, metric = '', matchers = '']) => ({
      metric,
      labels: [...groups, ...[...matchers.matchAll(/(\w+)(?==|!)/g)].map(([, label = '']) => label)],
    }),
  );
}

/** Whether each selector names its job, so that a series that is scraped twice does not count twice. */
function hasJobs(query: string): boolean {
  const selectors = query.match(/\b(rewards_gateway|nodejs|process)_\w+(\{("[^"]*"|[^}"])*\})?/g) ?? [];
  return selectors.every((selector) => /[{,]job=/.test(selector));
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
    ['the rules', everyRule.map(({ expr }) => expr)],
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
      expect(['critical', 'warning']).toContain(rule.labels.severity);
    },
  );

  it('select only series of their own job', () => {
    const open = everyRule.filter(({ expr }) => !hasJobs(expr));
    expect(open.map(({ alert, record }) => alert ?? record)).toEqual([]);
  });

  it('ask only for recorded series that a rule records', () => {
    const recorded = new Set(everyRule.map(({ record }) => record));
    const asked = [...everyRule.map(({ expr }) => expr), ...queries].flatMap(
      (query) => query.match(/\brewards_gateway:[\w:]+/g) ?? [],
    );
    expect(asked.length).toBeGreaterThan(10);
    expect(asked.filter((name) => !recorded.has(name))).toEqual([]);
  });

  it('each have a test in which they fire and one in which they do not', () => {
    const cases = tests.flatMap((test) => test.alert_rule_test);
    const names = (fires: boolean) =>
      new Set(cases.filter((c) => c.exp_alerts.length > 0 === fires).map((c) => c.alertname));
    const all = new Set(rules.map(({ alert }) => alert));
    expect([names(true), names(false)]).toEqual([all, all]);
  });
});

describe('the dashboard', () => {
  it('selects by job and namespace, and explains each panel', () => {
    expect(queries.filter((query) => !hasJobs(query))).toEqual([]);
    const graphs = panels.filter(({ type }) => type !== 'row');
    expect(graphs.filter(({ description }) => description === undefined).map(({ title }) => title)).toEqual(
      [],
    );
  });
});

describeWithPromtool('rules in promtool', () => {
  let folder: string;

  // promtool reads rule files, without the resource around them. A test reads the groups that it needs.
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'rules-'));
    for (const group of groups)
      writeFileSync(join(folder, `${group.name}.yaml`), stringify({ groups: [group] }));
    for (const file of RULE_TESTS)
      copyFileSync(fileURLToPath(new URL(`k8s/observability/${file}`, root)), join(folder, file));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('are valid', () => {
    const files = groups.map(({ name }) => `${name}.yaml`);
    expect(promtool(folder, 'check', 'rules', ...files)).toMatchObject({ status: 0 });
  });

  it('fire with the expected summaries, and do not fire in a normal hour', () => {
    const { status, output } = promtool(folder, 'test', 'rules', ...RULE_TESTS);
    expect([status, output]).toEqual([0, expect.stringContaining('SUCCESS')]);
  });
});
