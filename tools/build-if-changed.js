// Builds what a file has changed since: the programs of the gateway, the sandbox, and the modules that tests and tools import.
import { spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const SHARED = ['package.json', 'package-lock.json', 'tsconfig.json'];
const TARGETS = {
  gateway: {
    built: 'dist/main.js',
    sources: [
      'src',
      'openapi.json',
      'console/index.html',
      'console/src',
      'console/vite.config.ts',
      'clients/typescript/src',
      'tools/build.js',
      ...SHARED,
    ],
    command: ['tools/build.js'],
  },
  sandbox: {
    built: 'sandbox/dist/main.js',
    sources: ['sandbox/src', 'tools/build.js', ...SHARED],
    command: ['tools/build.js', '--sandbox'],
  },
  modules: {
    built: 'build/main.js',
    sources: ['src', 'nest-cli.json', 'tsconfig.build.json', ...SHARED],
    command: ['node_modules/@nestjs/cli/bin/nest.js', 'build'],
  },
};

/** @throws when a build fails, which has said why, or when the signal ends it */
export async function buildIfChanged(names = Object.keys(TARGETS), signal) {
  const outdated = names.filter((name) => isOutdated(TARGETS[name]));
  await Promise.all(outdated.map((name) => run(TARGETS[name].command, signal)));
}

function isOutdated({ built, sources }) {
  return modifiedAt(root + built) <= Math.max(...sources.map((path) => newestIn(root + path)));
}

/** When this file was last modified; of a folder, that or anything in it, so that a removed file counts too. */
function newestIn(path) {
  if (!statSync(path).isDirectory()) return modifiedAt(path);
  const entries = readdirSync(path, { recursive: true, withFileTypes: true });
  return Math.max(
    modifiedAt(path),
    ...entries.map(({ parentPath, path: folder, name }) => modifiedAt(`${parentPath ?? folder}/${name}`)),
  );
}

function modifiedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function run(command, signal) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, command, { cwd: root, stdio: 'inherit', signal });
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${command.join(' ')} has failed.`)),
    );
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildIfChanged();
