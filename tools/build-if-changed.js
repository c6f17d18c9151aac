import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** When a file or folder below this path last changed. A folder changes when a file in it is added, renamed or removed. */
function changedAt(path) {
  const stats = statSync(path);
  const below = stats.isDirectory() ? readdirSync(path).map((name) => changedAt(join(path, name))) : [];
  return Math.max(stats.mtimeMs, ...below);
}

function buildIfChanged({ output, sources, script }) {
  const builtAt = statSync(join(output, 'main.js'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (Math.max(...sources.map(changedAt)) < builtAt) return;
  const { status } = spawnSync(`npm run ${script}`, { shell: true, stdio: 'inherit' });
  if (status === 0) return;
  // A compiler writes its output in spite of errors.
  rmSync(output, { recursive: true, force: true });
  process.exit(status ?? 1);
}

buildIfChanged({
  output: 'dist',
  sources: ['src', 'package.json', 'nest-cli.json', 'tsconfig.json'],
  script: 'build',
});
buildIfChanged({
  output: 'sandbox/dist',
  sources: ['sandbox/src', 'sandbox/package.json', 'sandbox/tsconfig.json'],
  script: 'build -w sandbox',
});
