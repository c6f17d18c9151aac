import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { waitFor } from './wait-for.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);
/** What its users install beside it, and its dependency. */
const NEIGHBOURS = ['@nestjs', '@types', 'express', 'fastify', 'kysely', 'pg', 'standardwebhooks'];

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

export interface PackedConsumer extends Packed {
  /** Of an application that uses the package. */
  readonly folder: string;
  readonly tarball: string;
  /** Where the package is installed. */
  readonly installed: string;
  remove(): void;
}

/** The consumer kit as npm would publish it, installed in a folder of its own beside the packages that its README uses. */
export async function installConsumer(): Promise<PackedConsumer> {
  // The folder of this run: several tests install what one of them packs.
  const built = join(dirname(dirname(process.env['TEST_POSTGRES_CLUSTER']!)), 'consumer-package');
  const result = join(built, 'packed.json');
  if (isFirst(built)) await pack(built, result);
  await waitFor('the consumer kit is packed', () => existsSync(result), 120);
  const packed = JSON.parse(readFileSync(result, 'utf8')) as Packed;

  const folder = mkdtempSync(join(tmpdir(), 'consumer-package-'));
  const installed = join(folder, 'node_modules/@rewards-gateway/consumer');
  mkdirSync(installed, { recursive: true });
  const tarball = join(built, packed.filename);
  await run('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1']);
  for (const name of NEIGHBOURS)
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  return { ...packed, tarball, folder, installed, remove: () => rmSync(folder, { recursive: true }) };
}

/** Makes the folder. */
function isFirst(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch {
    return false;
  }
}

/** In a copy, so that nothing is written into the repository. */
async function pack(built: string, result: string): Promise<void> {
  const copy = join(built, 'clients/consumer');
  for (const name of ['LICENSE', 'README.md', 'package.json', 'tsconfig.json', 'src'])
    cpSync(join(root, 'clients/consumer', name), join(copy, name), { recursive: true });
  cpSync(join(root, 'tsconfig.json'), join(built, 'tsconfig.json'));
  for (const name of ['node_modules', 'tools']) symlinkSync(join(root, name), join(built, name));
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', built], { cwd: copy });
  const [packed] = JSON.parse(stdout) as [Packed];
  writeFileSync(`${result}.new`, JSON.stringify(packed));
  renameSync(`${result}.new`, result);
}
