import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** What its users install beside it, and its dependency. */
const NEIGHBOURS = ['@nestjs', '@types', 'express', 'fastify', 'kysely', 'pg', 'standardwebhooks'];

export interface PackedConsumer {
  /** Of an application that uses the package. */
  readonly folder: string;
  /** Where the package is installed. */
  readonly installed: string;
  readonly tarball: string;
  readonly size: number;
  readonly paths: readonly string[];
  remove(): void;
}

/** The consumer kit as npm would publish it, in a folder of its own beside the packages that its README uses. */
export function packConsumer(): PackedConsumer {
  const folder = mkdtempSync(join(tmpdir(), 'consumer-package-'));
  // A copy: another test may pack it at the same time.
  const copy = join(folder, 'build/clients/consumer');
  for (const name of ['LICENSE', 'README.md', 'package.json', 'tsconfig.json', 'src'])
    cpSync(join(root, 'clients/consumer', name), join(copy, name), { recursive: true });
  cpSync(join(root, 'tsconfig.json'), join(folder, 'build/tsconfig.json'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'build/node_modules'));
  const npm = { cwd: copy, encoding: 'utf8' } as const;
  const [packed] = JSON.parse(execFileSync('npm', ['pack', '--json', '--pack-destination', folder], npm)) as [
    { filename: string; size: number; files: { path: string }[] },
  ];
  const tarball = join(folder, packed.filename);
  const installed = join(folder, 'node_modules/@rewards-gateway/consumer');
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1']);
  for (const name of NEIGHBOURS)
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  return {
    folder,
    installed,
    tarball,
    size: packed.size,
    paths: packed.files.map(({ path }) => path),
    remove: () => rmSync(folder, { recursive: true }),
  };
}
