import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const script = join(root, '.ci/openapi.js');

/** Runs the script on the build, where openapi.json is a given one. */
function run(text: string, ...options: string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'openapi-'));
  try {
    const file = join(folder, 'openapi.json');
    writeFileSync(file, text);
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...options], {
      cwd: folder,
      encoding: 'utf8',
    });
    return { status, stdout, stderr, file: readFileSync(file, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const withMore = JSON.stringify({ paths: { '/old': { get: {}, put: {} } } });
const withLess = JSON.stringify({ paths: {} });
const whatBreaks = '  GET /old: removed\n  PUT /old: removed\n';

describe('openapi.json', () => {
  it('is what the build serves', () => {
    const { status, stderr } = run(readFileSync(join(root, 'openapi.json'), 'utf8'), '--check');

    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});

describe('the check of openapi.json', () => {
  it('lists everything that breaks', () => {
    const { status, stderr, file } = run(withMore, '--check');

    expect({ status, file }).toEqual({ status: 1, file: withMore });
    expect(stderr).toContain(`breaks what openapi.json promises:\n${whatBreaks}`);
  });

  it('asks for the new one where nothing breaks', () => {
    const { status, stderr, file } = run(withLess, '--check');

    expect({ status, file }).toEqual({ status: 1, file: withLess });
    expect(stderr).toMatch(/^openapi\.json is not what is served, though nothing is broken: npm run openapi/);
  });
});

describe('npm run openapi', () => {
  it('writes what the build serves', () => {
    const { file, ...outcome } = run(withLess);

    expect(outcome).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(run(file, '--check')).toEqual({ ...outcome, file });
  });

  it('writes nothing that breaks somebody', () => {
    const { status, stderr, file } = run(withMore);

    expect({ status, file }).toEqual({ status: 1, file: withMore });
    expect(stderr).toContain(whatBreaks);
  });

  it('writes even that when told so, and says what breaks', () => {
    const { status, stdout, file } = run(withMore, '--breaking');

    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: `Say in CHANGELOG.md what breaks:\n${whatBreaks}`,
    });
    expect(file).toContain('"/api/v1/accounts": {');
  });
});
