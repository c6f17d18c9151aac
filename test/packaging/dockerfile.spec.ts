import { existsSync, readFileSync } from 'node:fs';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

interface Instruction {
  readonly name: string;
  readonly text: string;
}

const instructions: Instruction[] = read('Dockerfile')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => ({ name: line.split(' ')[0]!, text: line.slice(line.indexOf(' ') + 1) }));
const named = (wanted: string, among = instructions) =>
  among.filter(({ name }) => name === wanted).map(({ text }) => text);
const lastStage = instructions.slice(instructions.findLastIndex(({ name }) => name === 'FROM'));
const sandboxStage = stage('sandbox');

function stage(wanted: string): Instruction[] {
  const start = instructions.findIndex(({ name, text }) => name === 'FROM' && text.endsWith(` AS ${wanted}`));
  const length = instructions.slice(start + 1).findIndex(({ name }) => name === 'FROM');
  return instructions.slice(start, start + 1 + length);
}

const manifest = JSON.parse(read('package.json')) as {
  version: string;
  devDependencies: { node: string };
};
const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, { version: string }> };

describe('the Dockerfile', () => {
  it('has the Node.js version that package.json requires and package-lock.json pins', () => {
    const [version] = named('ARG', instructions.slice(0, 1)).map(
      (text) => /^NODE_VERSION=(.+)$/.exec(text)?.[1],
    );
    expect(version).toBe(lock.packages['node_modules/node']?.version);
    expect(version?.split('.')[0]).toBe(/\d+/.exec(manifest.devDependencies.node)?.[0]);
    for (const base of named('FROM'))
      expect(base).toMatch(
        /^(node:\$\{NODE_VERSION\}-slim AS node|gcr\.io\/distroless\/cc-debian13:nonroot AS runtime|(node|runtime|manifest|tools|embedded)( AS [\w-]+)?)$/,
      );
  });

  it('copies only files that exist and that .dockerignore does not exclude', () => {
    const [first, ...allowed] = read('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    const copied = named('COPY')
      .filter((text) => !text.startsWith('--from='))
      .flatMap((text) => text.split(' ').slice(0, -1));
    expect(copied.filter((path) => !existsSync(new URL(path, root)))).toEqual([]);
    expect(first).toBe('*');
    expect(new Set(allowed)).toEqual(new Set(copied.map((path) => `!${path}`)));
  });

  it('has an image without a shell for production and for the vendors, with that Node.js', () => {
    for (const [from] of [lastStage, sandboxStage]) expect(from!.text).toMatch(/^runtime\b/);
    expect(named('COPY', stage('runtime'))).toEqual(['--from=node /usr/local/bin/node /usr/local/bin/']);
    expect(named('RUN', [...stage('runtime'), ...lastStage, ...sandboxStage])).toEqual([]);
  });

  it('has labels with the version of package.json and, by build arguments, the revision and the source', () => {
    expect(named('ARG', lastStage)).toEqual([`VERSION=${manifest.version}`, 'REVISION=', 'SOURCE=']);
    expect(named('LABEL', lastStage)).toEqual([
      'org.opencontainers.image.title="Rewards Gateway"',
      'org.opencontainers.image.version=${VERSION}',
      'org.opencontainers.image.revision=${REVISION}',
      'org.opencontainers.image.source=${SOURCE}',
      'org.opencontainers.image.licenses=MIT',
    ]);
  });

  it('has only the bundled programs and package.json in the last stage', () => {
    expect(named('COPY', lastStage)).toEqual(['package.json ./', '--from=build /app/dist dist']);
    expect(named('RUN', stage('build'))).toEqual(['node tools/build.js']);
    expect(named('RUN', lastStage)).toEqual([]);
  });

  it('has the simulated vendors and their dependencies in a stage of their own', () => {
    expect(named('COPY', sandboxStage)).toEqual([
      'sandbox/package.json ./',
      '--from=sandbox-dependencies /app/node_modules /app/node_modules',
      '--from=sandbox-build /app/sandbox/dist dist',
    ]);
    expect(named('CMD', sandboxStage)).toEqual(['["dist/main.js", "--vendors-only"]']);
    for (const name of ['ENTRYPOINT', 'ENV', 'USER'])
      expect(named(name, sandboxStage)).toEqual(named(name, lastStage));
  });

  it('has everything that the sandbox starts in one stage, which can be reached from outside', () => {
    const all = stage('sandbox-all');
    expect(named('FROM', all)).toEqual(['embedded AS sandbox-all']);
    expect(named('COPY', all)).toEqual(named('COPY', sandboxStage));
    expect(named('ENV', all)).toEqual(['SANDBOX_HOST=0.0.0.0']);
    expect(named('CMD', all)).toEqual([]);
    expect(named('CMD', stage('embedded'))).toEqual(['["dist/main.js"]']);
  });

  it('runs node directly, so that it receives SIGTERM, in production mode and as a numeric user other than root', () => {
    const [entrypoint, command] = ['ENTRYPOINT', 'CMD'].map((name) =>
      named(name, lastStage).map((text) => JSON.parse(text) as unknown),
    );
    expect(entrypoint).toEqual([['node', '--disable-sigusr1']]);
    expect(command).toEqual([['dist/main.js']]);
    expect(named('ENV', lastStage)).toEqual(['NODE_ENV=production']);
    expect(named('USER', lastStage)).toEqual([expect.stringMatching(/^[1-9]\d+:[1-9]\d+$/)]);
  });

  it('leaves the health check to the platform', () => {
    expect(named('HEALTHCHECK')).toEqual([]);
  });
});
