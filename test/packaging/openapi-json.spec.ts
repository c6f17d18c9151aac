import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const script = join(root, '.ci/openapi.js');
const committed = readFileSync(join(root, 'openapi.json'), 'utf8');

const WITH_MORE = JSON.stringify({ paths: { '/old': { get: {}, put: {} } } });
const WITH_LESS = JSON.stringify({ paths: {} });
const BREAKING = '  GET /old: removed\n  PUT /old: removed\n';

interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly file: string;
}

/** Each run has an openapi.json of its own and an option. */
const RUNS = {
  checkWithMore: [WITH_MORE, '--check'],
  checkWithLess: [WITH_LESS, '--check'],
  writeWithLess: [WITH_LESS],
  writeWithMore: [WITH_MORE],
  writeBreaking: [WITH_MORE, '--breaking'],
} as const;

/** Runs the script once for each argument. In one process, since most of its time is the start of the gateway. */
const RUNNER = `
  import { readFileSync, writeFileSync } from 'node:fs';
  import process from 'node:process';
  const write = process.stdout.write.bind(process.stdout);
  const outcomes = {};
  for (const [name, [text, ...options]] of Object.entries(${JSON.stringify(RUNS)})) {
    const outcome = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr']) process[stream].write = (chunk) => (outcome[stream] += chunk);
    writeFileSync('openapi.json', text);
    process.argv = [process.argv[0], 'openapi.js', ...options];
    process.exitCode = 0;
    await import(${JSON.stringify(pathToFileURL(script).href)} + '?' + name);
    outcomes[name] = { ...outcome, status: process.exitCode, file: readFileSync('openapi.json', 'utf8') };
  }
  process.exitCode = 0;
  write(JSON.stringify(outcomes));
`;

let folder: string;
let outcomes: Record<keyof typeof RUNS, Outcome>;

const node = (...args: string[]) => spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'openapi-'));
  const { stdout, stderr } = node('--input-type=module', '--eval', RUNNER);
  if (stdout === '') throw new Error(stderr);
  outcomes = JSON.parse(stdout) as typeof outcomes;
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('openapi.json', () => {
  it('equals the document of the built controllers and DTOs', () => {
    writeFileSync(join(folder, 'openapi.json'), committed);
    const { status, stdout, stderr } = node(script, '--check');

    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(readFileSync(join(folder, 'openapi.json'), 'utf8')).toBe(committed);
  });
});

describe('npm run openapi -- --check', () => {
  it('lists every breaking change', () => {
    const { status, stderr, file } = outcomes.checkWithMore;

    expect({ status, file }).toEqual({ status: 1, file: WITH_MORE });
    expect(stderr).toContain(`The code breaks openapi.json:\n${BREAKING}`);
  });

  it('asks for an update when the document differs without breaking', () => {
    const { status, stderr, file } = outcomes.checkWithLess;

    expect({ status, file }).toEqual({ status: 1, file: WITH_LESS });
    expect(stderr).toMatch(/^openapi\.json is out of date, without breaking changes: run npm run openapi/);
  });
});

describe('npm run openapi', () => {
  it('writes the document of the built controllers and DTOs', () => {
    expect(outcomes.writeWithLess).toEqual({ status: 0, stdout: '', stderr: '', file: committed });
  });

  it('does not write a breaking change', () => {
    const { status, stderr, file } = outcomes.writeWithMore;

    expect({ status, file }).toEqual({ status: 1, file: WITH_MORE });
    expect(stderr).toContain(BREAKING);
  });

  it('writes a breaking change with --breaking, and lists what breaks', () => {
    const { status, stdout, file } = outcomes.writeBreaking;

    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: `Breaking changes, to be listed in CHANGELOG.md:\n${BREAKING}`,
    });
    expect(file).toBe(committed);
  });
});
