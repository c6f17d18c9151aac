import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { table } from '../support/config.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const filesIn = (folder: string, ending: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));

const pages = ['README.md', 'SECURITY.md', 'CHANGELOG.md', ...filesIn('docs', '.md')];

const readmes = [
  'sandbox',
  'clients/typescript',
  'clients/consumer',
  'examples/game-backend',
  'examples/wallet',
].map((folder) => `${folder}/README.md`);

/** Text without code blocks, where brackets and names mean something else. */
const proseOf = (page: string) => read(page).replaceAll(/^```[\s\S]*?^```$/gm, '');

const metricsIn = (page: string): string[] => read(page).match(/\brewards_gateway_\w+\b/g) ?? [];

/** The anchors of a page, as GitHub makes them. */
function anchorsOf(page: string): string[] {
  return [...proseOf(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

describe('the documentation', () => {
  it.each([...pages, ...readmes])('has only links that lead to a file and a heading: %s', (page) => {
    const links = [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    const broken = links.filter((link) => {
      if (/^https?:/.test(link)) return false;
      const [path, anchor] = link.split('#');
      const target = path === '' ? page : relative(root, join(root, dirname(page), path!));
      if (!existsSync(join(root, target))) return true;
      return anchor !== undefined && !anchorsOf(target).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  it('links every page from the README or the architecture page', () => {
    const linked = ['README.md', 'docs/architecture.md'].flatMap((page) =>
      [...proseOf(page).matchAll(/\]\(([^)\s#]+)/g)].map(([, link = '']) => join(dirname(page), link)),
    );
    expect(filesIn('docs', '.md').filter((page) => !linked.includes(page))).toEqual([]);
  });

  it.each(pages)('names only environment variables that exist: %s', (page) => {
    const names = table.flatMap(([, { env, secret }]) => (secret ? [env, `${env}_FILE`] : [env]));
    // The test runner, Node.js, the exporter of traces and the sandbox read others; `X_FILE` stands for any secret.
    const tests = [
      'REQUIRE_SERVICES',
      'CHROMIUM_PATH',
      'CONSOLE_SCREENSHOTS',
      'TEST_DATABASE_URL',
      'TEST_POSTGRES_BIN',
      'TEST_PREVIOUS_VERSION',
      'TEST_SCALE',
    ];
    const others = [...tests, 'NODE_EXTRA_CA_CERTS', 'OTEL_EXPORTER_OTLP_HEADERS', 'X_FILE'];
    const text = read(page).replaceAll(/^```(?:swift|kotlin|html)$[\s\S]*?^```$/gm, '');
    const named = text.match(/(?<![\w-])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?!\w)/g) ?? [];
    const unknown = named.filter(
      (name) => ![...names, ...others].includes(name) && !name.startsWith('SANDBOX_'),
    );
    expect(unknown).toEqual([]);
  });

  it('has generated pages that match the code', () => {
    const { status, stderr } = spawnSync(process.execPath, ['tools/generate-docs.js', '--check'], {
      cwd: root,
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
  });

  it('gives the defaults of the code in the README', () => {
    const shown = read('README.md').matchAll(/^\| `([A-Z_]+)` +\| (\S+) /gm);
    for (const [, name, value] of shown) {
      const [, variable] = table.find(([, { env }]) => env === name)!;
      expect([name, value]).toEqual([
        name,
        variable.default === undefined ? 'unset' : `\`${variable.default}\``,
      ]);
    }
  });

  it('names only metrics that exist, and all of them', () => {
    const existing = filesIn('src/metrics', '.ts')
      .flatMap((file) => [...read(file).matchAll(/\bname: '(\w+)'/g)])
      .map(([, name]) => `rewards_gateway_${name}`);
    expect(pages.flatMap(metricsIn).filter((name) => !existing.includes(name))).toEqual([]);
    expect(existing.filter((name) => !metricsIn('docs/observability.md').includes(name))).toEqual([]);
  });

  it('has a section of the runbook for each alert, under its name', () => {
    const { spec } = parse(read('k8s/observability/alerts.yaml')) as {
      spec: { groups: { rules: { alert?: string; annotations: { runbook_url: string } }[] }[] };
    };
    const anchors = anchorsOf('docs/runbook.md');
    for (const { alert, annotations } of spec.groups.flatMap(({ rules }) => rules)) {
      if (alert === undefined) continue;
      expect(anchors).toContain(alert.toLowerCase());
      expect(annotations.runbook_url).toBe(`docs/runbook.md#${alert.toLowerCase()}`);
    }
  });

  it.each(pages)('names only files of the repository that exist: %s', (page) => {
    const named = [...proseOf(page).matchAll(/`((?:src|test|k8s|docs|bench|tools|sandbox)\/[\w./-]+)`/g)];
    expect(named.map(([, path]) => path!).filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});
