import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const script = join(root, '.ci/openapi.js');

/** Runs the script on the build with this openapi.json. */
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

const WITH_MORE = JSON.stringify({ paths: { '/old': { get: {}, put: {} } } });
const WITH_LESS = JSON.stringify({ paths: {} });
const BREAKING = '  GET /old: removed\n  PUT /old: removed\n';

describe('openapi.json', () => {
  it('equals the document of the built controllers and DTOs', () => {
    const { status, stderr } = run(readFileSync(join(root, 'openapi.json'), 'utf8'), '--check');

    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});

describe('npm run openapi -- --check', () => {
  it('lists every breaking change', () => {
    const { status, stderr, file } = run(WITH_MORE, '--check');

    expect({ status, file }).toEqual({ status: 1, file: WITH_MORE });
    expect(stderr).toContain(`The code breaks openapi.json:\n${BREAKING}`);
  });

  it('asks for an update when the document differs without breaking', () => {
    const { status, stderr, file } = run(WITH_LESS, '--check');

    expect({ status, file }).toEqual({ status: 1, file: WITH_LESS });
    expect(stderr).toMatch(/^openapi\.json is out of date, without breaking changes: run npm run openapi/);
  });
});

describe('npm run openapi', () => {
  it('writes the document of the built controllers and DTOs', () => {
    const { file, ...outcome } = run(WITH_LESS);

    expect(outcome).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(run(file, '--check')).toEqual({ ...outcome, file });
  });

  it('does not write a breaking change', () => {
    const { status, stderr, file } = run(WITH_MORE);

    expect({ status, file }).toEqual({ status: 1, file: WITH_MORE });
    expect(stderr).toContain(BREAKING);
  });

  it('writes a breaking change with --breaking, and lists what breaks', () => {
    const { status, stdout, file } = run(WITH_MORE, '--breaking');

    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: `Breaking changes, to be listed in CHANGELOG.md:\n${BREAKING}`,
    });
    expect(file).toContain('"/api/v1/accounts": {');
  });
});
