// Builds the gateway, its modules and the sandbox, each only when a file that it is built from is newer than what was built.
// `--programs` leaves the modules out: only tests and tools import these.
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const SHARED = ['package.json', 'package-lock.json', 'tsconfig.json'];
const TARGETS = [
  {
    built: 'dist/main.js',
    sources: ['src', 'openapi.json', 'tools/build.js', ...SHARED],
    command: ['tools/build.js'],
  },
  {
    built: 'sandbox/dist/main.js',
    sources: ['sandbox/src', 'tools/build.js', ...SHARED],
    command: ['tools/build.js', '--sandbox'],
  },
  {
    built: 'build/main.js',
    sources: ['src', 'nest-cli.json', 'tsconfig.build.json', ...SHARED],
    command: ['node_modules/@nestjs/cli/bin/nest.js', 'build'],
    modules: true,
  },
];

for (const { built, sources, command, modules } of TARGETS) {
  if (modules && process.argv.includes('--programs')) continue;
  if (modifiedAt(built) > Math.max(...sources.map(newestIn))) continue;
  const { status } = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

/** When this file was last modified; of a folder, that or anything in it, so that a removed file counts too. */
function newestIn(path) {
  const found = statSync(root + path);
  const entries = found.isDirectory() ? readdirSync(root + path, { recursive: true }) : [];
  return Math.max(found.mtimeMs, ...entries.map((entry) => modifiedAt(`${path}/${entry}`)));
}

function modifiedAt(path) {
  return statSync(root + path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
