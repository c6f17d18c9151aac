import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { compileCache } from './compile-cache.js';
import { baseEnvironment } from './gateway.js';

/** Runs a built command of `dist/cli` with an environment, as npm does. */
export async function runCommand(name: string, env: Record<string, string>) {
  const command = fileURLToPath(new URL(`../../dist/cli/${name}.js`, import.meta.url));
  const child = spawn(process.execPath, [command], {
    env: { ...compileCache, ...(baseEnvironment as Record<string, string>), DATABASE_URL: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: string[] = [];
  child.stdout.on('data', (chunk) => output.push(String(chunk)));
  child.stderr.on('data', (chunk) => output.push(String(chunk)));
  const [code] = (await once(child, 'close')) as [number];
  return { code, output: output.join('') };
}
