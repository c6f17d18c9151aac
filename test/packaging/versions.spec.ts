import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

interface Manifest {
  readonly version: string;
  readonly dependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
}

const manifestOf = (folder: string) => JSON.parse(read(`${folder}/package.json`)) as Manifest;
const main = manifestOf('.') as Manifest & { workspaces: string[] };
const { version, workspaces } = main;
const EXAMPLES = ['examples/game-backend', 'examples/wallet'];
const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, Manifest> };

/** docs/releasing.md says how it is set. */
describe('the version', () => {
  it('is one for all packages, also where they need each other', () => {
    for (const folder of [...workspaces, ...EXAMPLES]) {
      const manifest = manifestOf(folder);
      const needed = Object.entries({ ...manifest.dependencies, ...manifest.peerDependencies });
      const own = needed.filter(([name]) => name.startsWith('@rewards-gateway/'));
      expect([folder, manifest.version]).toEqual([folder, version]);
      expect(own).toEqual(own.map(([name]) => [name, version]));
    }
    for (const path of ['', ...workspaces]) expect([path, packages[path]?.version]).toEqual([path, version]);
  });

  it('is that of the API, the image and the overlay for production', () => {
    expect((JSON.parse(read('openapi.json')) as { info: Manifest }).info.version).toBe(version);
    expect(/^ARG VERSION=(.*)$/m.exec(read('Dockerfile'))?.[1]).toBe(version);
    const { images, labels } = parse(read('k8s/overlays/production/kustomization.yaml')) as {
      images: { newTag: string }[];
      labels: { pairs: Record<string, string> }[];
    };
    expect(images.map(({ newTag }) => newTag)).toEqual([version]);
    expect(labels.map(({ pairs }) => pairs['app.kubernetes.io/version'])).toEqual([version]);
  });

  it('is that of the workflow for the CI of others', () => {
    const page = read('docs/sandbox.md');
    const [, workflow] = /^```yaml\n(.*?)^```$/ms.exec(page)!;
    const { jobs } = parse(workflow!) as { jobs: { test: { steps: { run?: string }[] } } };
    const commands = jobs.test.steps.flatMap(({ run = '' }) => run);
    expect(commands).toContain(`npx @rewards-gateway/sandbox@${version} &`);
    const tags = [...page.matchAll(/sandbox-all:(\S+)/g)].map(([, tag]) => tag);
    expect(new Set(tags)).toEqual(new Set([version]));
  });

  it('is the newest one of the changelog, where new changes come before it', () => {
    const [first, second = version] = [...read('CHANGELOG.md').matchAll(/^## \[(.+?)\]/gm)].map(
      ([, name]) => name,
    );
    expect([first, second]).toEqual(['Unreleased', version]);
  });
});

describe('the sandbox', () => {
  it('needs the versions that the gateway is built and tested with', () => {
    const { dependencies = {}, optionalDependencies } = manifestOf('sandbox');
    expect(dependencies).toEqual(
      Object.fromEntries(Object.keys(dependencies).map((name) => [name, main.dependencies?.[name]])),
    );
    expect(optionalDependencies).toEqual(main.optionalDependencies);
    expect(packages['sandbox']).toMatchObject({ dependencies, optionalDependencies });
  });
});
