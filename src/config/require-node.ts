import process from 'node:process';
import { ConfigError } from './read-config.js';

/** npm installs the Node.js that package.json pins by a script of its package, which `--ignore-scripts` leaves out. */
const NODE_MAJOR = 24;

/** @throws ConfigError when another Node.js than the one that npm brings, and an older one, runs this process */
export function requireNode(): void {
  if (Number.parseInt(process.versions.node, 10) >= NODE_MAJOR) return;
  throw new ConfigError([
    `Node.js ${NODE_MAJOR} is required, and this is ${process.versions.node}: install it, or run npm ci without --ignore-scripts, ` +
      'which brings it',
  ]);
}
