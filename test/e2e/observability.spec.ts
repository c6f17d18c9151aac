import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { VARIABLES } from '../../src/config/variables.js';
import { startKigoSandbox } from '@rewards-gateway/sandbox';
import { startCallbackReceiver } from '../support/callback-receiver.js';
import { consumer } from '../support/consumer.js';
import { badge } from '../support/gateway.js';
import { redemption, startKiipGateway } from '../support/kiip.js';
import { describeWithPromtool, promtool } from '../support/promtool.js';
import { until } from '../support/wait-for.js';

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
const { tests } = parse(textOf('k8s/observability/alerts.test.yaml')) as RuleTests;
const { panels } = JSON.parse(textOf('k8s/observability/dashboard.json')) as Dashboard;
const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

/** What Prometheus adds to every series, and what a histogram has. */
const added = new Set(['job', 'instance', 'le']);

interface Selector {
  readonly metric: string;
  readonly labels: string[];
}

/** The metrics that a query names, with the labels that it matches or groups by. `up` is Prometheus' own. */
function selectorsOf(query: string): Selector[] {
  const groups = [...query.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, labels = '']) => labels.split(/, */));
  return [...query.matchAll(/\b((?:rewards_gateway|nodejs|process)_\w+)(?:\{([^}]*)\})?/g)].map(
    ([, metric = '', matchers = '']) => ({
      metric,
      labels: [...groups, ...[...matchers.matchAll(/(\w+)(?==|!)/g)].map(([, label = '']) => label)],
    }),
  );
}

/** The labels of every metric on a page of /metrics, and those that are announced without a sample. */
function shownOn(page: string): Map<string, Set<string>> {
  const shown = new Map<string, Set<string>>();
  for (const line of page.split('\n')) {
    const [, metric = '', labels = ''] = /^(?:# TYPE )?(\w+)(?:\{(.*)\})?/.exec(line) ?? [];
    const known = shown.get(metric) ?? new Set();
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label);
    shown.set(metric, known);
  }
  return shown;
}

describe('what the dashboard and the alerts ask for', () => {
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
      await until('everything is on the page', async () => {
        const page = await (await fetch(`${gateway.url}/metrics`)).text();
        shown = shownOn(page);
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
  ])('is shown by a running gateway, under the same labels: %s', (_, asked) => {
    const selectors = asked.flatMap(selectorsOf);
    expect(selectors.length).toBeGreaterThan(15);
    const missing = selectors.filter(({ metric, labels }) => {
      const known = shown.get(metric);
      // A gauge of what is rare is announced, and has no sample here.
      return !known || (known.size > 0 && labels.some((label) => !added.has(label) && !known.has(label)));
    });
    expect(missing).toEqual([]);
  });
});

describe('the alert rules', () => {
  const runbook = textOf('docs/runbook.md');
  const anchors = [...runbook.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );

  it.each(rules.map((rule) => [rule.alert, rule] as const))('lead to the runbook: %s', (_, rule) => {
    const [file, anchor] = rule.annotations.runbook_url.split('#');
    expect(file).toBe('docs/runbook.md');
    expect(anchors.filter((heading) => heading === anchor)).toHaveLength(1);
    expect(['page', 'ticket']).toContain(rule.labels.severity);
  });

  it('ask for series of their own job alone: another environment has another', () => {
    const open = rules.filter(({ expr }) => selectorsOf(expr).some(({ labels }) => !labels.includes('job')));
    expect(open.map(({ alert }) => alert)).toEqual([]);
  });

  it('have a test each in which they fire, and one in which they do not', () => {
    const cases = tests.flatMap((test) => test.alert_rule_test);
    const names = (fires: boolean) =>
      new Set(cases.filter((c) => c.exp_alerts.length > 0 === fires).map((c) => c.alertname));
    const all = new Set(rules.map(({ alert }) => alert));
    expect([names(true), names(false)]).toEqual([all, all]);
  });
});

describe('the kustomize component', () => {
  interface Component {
    readonly patches: { readonly path: string }[];
    readonly configMapGenerator: { readonly files: string[] }[];
  }
  interface Patch {
    readonly spec: { readonly template: { readonly metadata: { readonly annotations: object } } };
  }

  it('names files that are there, and says where pods are scraped', () => {
    const { patches, configMapGenerator } = parse(
      textOf('k8s/observability/kustomization.yaml'),
    ) as Component;
    const files = [...patches.map(({ path }) => path), ...configMapGenerator.flatMap((map) => map.files)];
    expect(files.filter((file) => !existsSync(folder + file))).toEqual([]);
    const { spec } = parse(textOf('k8s/observability/scrape.yaml')) as Patch;
    expect(spec.template.metadata.annotations).toEqual({
      'prometheus.io/scrape': 'true',
      'prometheus.io/port': VARIABLES.port.default,
      'prometheus.io/path': '/metrics',
    });
  });
});

describeWithPromtool('the alert rules, by promtool', () => {
  it('are well formed', () => {
    expect(promtool(folder, 'check', 'rules', 'alerts.yaml')).toMatchObject({ status: 0 });
  });

  it('fire on recorded series and say what is wrong, and are quiet in a good hour', () => {
    const { status, said } = promtool(folder, 'test', 'rules', 'alerts.test.yaml');
    expect([status, said]).toEqual([0, expect.stringContaining('SUCCESS')]);
  });
});
