// Builds the gateway and the sandbox, each only when a file that it is built from is newer than what was built.
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const SHARED = ['package.json', 'package-lock.json', 'tsconfig.json', 'tools/build-if-changed.js'];
const PROJECTS = [
  { built: 'dist/main.js', sources: ['src', 'nest-cli.json', ...SHARED], build: ['run', 'build'] },
  {
    built: 'sandbox/dist/main.js',
    sources: ['sandbox/src', 'sandbox/package.json', 'sandbox/tsconfig.json', ...SHARED],
    build: ['run', 'build', '-w', 'sandbox'],
  },
];

for (const { built, sources, build } of PROJECTS) {
  if (modifiedAt(built) > Math.max(...sources.map(newestIn))) continue;
  const { status } = spawnSync('npm', build, {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) process.exit(status ?? 1);
}

/** When this file was last modified; of a folder, that or anything in it, so that a removed file counts too. */
function newestIn(path) {
  const { mtimeMs } = statSync(root + path);
  const entries = path.endsWith('src') ? readdirSync(root + path, { recursive: true }) : [];
  return Math.max(mtimeMs, ...entries.map((entry) => modifiedAt(`${path}/${entry}`)));
}

function modifiedAt(path) {
  return statSync(root + path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
