import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface PackedPackage {
  readonly tarball: string;
  readonly size: number;
  readonly paths: readonly string[];
  /** Where it is installed. */
  readonly folder: string;
}

/** Packs a workspace as npm would publish it, and installs it in an application. */
export function installPacked(workspace: string, application: string): PackedPackage {
  const source = workspace.startsWith('clients/') ? copyOf(workspace) : undefined;
  const npm = { cwd: source?.package ?? join(root, workspace), encoding: 'utf8' } as const;
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--pack-destination', application], npm),
  ) as [{ name: string; filename: string; size: number; files: { path: string }[] }];
  source?.remove();
  const tarball = join(application, packed.filename);
  const folder = join(application, 'node_modules', packed.name);
  mkdirSync(folder, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', folder, '--strip-components=1']);
  return { tarball, folder, size: packed.size, paths: packed.files.map(({ path }) => path) };
}

/** Another test may build it at the same time. */
function copyOf(workspace: string) {
  const repository = mkdtempSync(join(tmpdir(), 'packing-'));
  const copy = join(repository, workspace);
  for (const name of ['LICENSE', 'README.md', 'package.json', 'tsconfig.json', 'src'])
    cpSync(join(root, workspace, name), join(copy, name), { recursive: true });
  for (const name of ['node_modules', 'tools', 'tsconfig.json'])
    symlinkSync(join(root, name), join(repository, name));
  return { package: copy, remove: () => rmSync(repository, { recursive: true }) };
}

/** Installs packages that are installed here, such as `pg` or all of `@types`. */
export function installLinks(application: string, ...names: string[]): void {
  for (const name of names) {
    const link = join(application, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), link);
  }
}

/** What publint and Are The Types Wrong find. */
export function problemsOf(...packages: { readonly tarball: string }[]): string {
  const checker = join(root, 'tools/check-package.js');
  const archives = packages.map(({ tarball }) => tarball);
  const { stdout, stderr } = spawnSync(process.execPath, [checker, ...archives], { encoding: 'utf8' });
  return stdout + stderr;
}

/** What TypeScript, by the linter, finds in the files of an application, with all that makes it strict. */
export function typeErrorsIn(application: string, options: object = {}): string {
  const compilerOptions = {
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    module: 'nodenext',
    target: 'es2024',
    lib: ['es2024', 'dom', 'dom.iterable'],
    types: ['node'],
    experimentalDecorators: true,
    noEmit: true,
    skipLibCheck: true,
    ...options,
  };
  writeFileSync(join(application, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  writeFileSync(join(application, '.oxlintrc.json'), JSON.stringify({ ignorePatterns: ['node_modules'] }));
  const oxlint = join(root, 'node_modules/oxlint/bin/oxlint');
  const args = ['--type-aware', '--type-check', '-A', 'all', '-c', '.oxlintrc.json', '-f', 'unix', '.'];
  const env = { ...process.env, PATH: `${join(root, 'node_modules/.bin')}:${process.env['PATH']}` };
  const run = { cwd: application, encoding: 'utf8', env } as const;
  const { stdout, stderr } = spawnSync(process.execPath, [oxlint, ...args], run);
  return stdout + stderr;
}
