// `prepack` of the sandbox: builds it, and brings the gateway and its own types along in sandbox/dist.
import { execFileSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { buildIfChanged } from './build-if-changed.js';

const root = fileURLToPath(new URL('../', import.meta.url));
const gateway = join(root, 'dist');
const target = join(root, 'sandbox/dist/gateway');

await buildIfChanged(['gateway', 'sandbox']);
rmSync(target, { recursive: true, force: true });
// The sandbox starts the gateway, and none of its commands.
const isLeftOut = (path) => path.endsWith('.map') || path === join(gateway, 'cli');
cpSync(gateway, target, { recursive: true, filter: (path) => !isLeftOut(path) });
// `npm run lint` has checked them.
const tsc = join(root, 'node_modules/typescript/bin/tsc');
execFileSync(process.execPath, [tsc, '-p', 'sandbox', '--emitDeclarationOnly', '--noCheck'], {
  cwd: root,
  stdio: ['ignore', 2, 2],
});
