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

const manifest = JSON.parse(read('package.json')) as { devDependencies: { node: string } };
const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, { version: string }> };

describe('the Dockerfile', () => {
  it('has the Node.js that package.json asks for and package-lock.json pins', () => {
    const [version] = named('ARG').map((text) => /^NODE_VERSION=(.+)$/.exec(text)?.[1]);
    expect(version).toBe(lock.packages['node_modules/node']?.version);
    expect(version?.split('.')[0]).toBe(/\d+/.exec(manifest.devDependencies.node)?.[0]);
    for (const base of named('FROM'))
      expect(base).toMatch(/^(node:\$\{NODE_VERSION\}-slim|manifest)( AS \w+)?$/);
  });

  it('copies what is there, and what .dockerignore lets in', () => {
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

  it('has the built program, its production dependencies and package.json in the last stage, no more', () => {
    expect(named('COPY', lastStage)).toEqual([
      'package.json ./',
      '--from=dependencies /app/node_modules node_modules',
      '--from=build /app/dist dist',
    ]);
    expect(named('RUN')).toContain('npm ci --omit=dev --omit=optional --ignore-scripts');
    expect(named('RUN', lastStage)).toEqual([]);
  });

  it('runs node itself, so that SIGTERM arrives, for production and as a user who is a number and not root', () => {
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
