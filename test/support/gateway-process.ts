import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Environment } from '../../src/config/read-config.js';
import { compileCache } from './compile-cache.js';
import { baseEnvironment } from './gateway.js';

const ENTRY = new URL('../../dist/main.js', import.meta.url).pathname;

const PROCESS_ENVIRONMENT: Environment = {
  HOST: '127.0.0.1',
  PORT: '0',
  // A gateway that stops takes requests for a quarter of this.
  SHUTDOWN_GRACE_SECONDS: '4',
};

interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The built gateway as its own process; `npm test` builds it first. */
export interface GatewayProcess {
  readonly pid: number;
  /** Every line on standard output so far. */
  readonly lines: string[];
  /** The same, parsed. Throws when a line is not JSON. */
  log(): Record<string, unknown>[];
  /** Everything on standard error so far. */
  errors(): string;
  /** Resolves with the first log line that has this `msg`. Rejects when the process ends first. */
  logged(msg: string): Promise<Record<string, unknown>>;
  /** Origin of the gateway once it listens. */
  url(): Promise<string>;
  signal(name: NodeJS.Signals): void;
  readonly ended: Promise<Ending>;
  /** Kills it. */
  [Symbol.asyncDispose](): Promise<void>;
}

interface ProcessOptions {
  /** Arguments after the entry point. */
  readonly args?: string[];
  /** A module that Node.js runs before the gateway, in the gateway's process. */
  readonly preload?: string;
  /** The `dist/main.js` of another version. */
  readonly entry?: string;
}

/** Starts the gateway with this environment only; `PORT` defaults to any free port. */
export function startProcess(
  env: Environment = {},
  { args = [], preload, entry = ENTRY }: ProcessOptions = {},
): GatewayProcess {
  const imports =
    preload === undefined ? [] : ['--import', `data:text/javascript,${encodeURIComponent(preload)}`];
  const child = spawn(process.execPath, [...imports, entry, ...args], {
    env: { ...compileCache, ...baseEnvironment, ...PROCESS_ENVIRONMENT, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  let errors = '';
  const output = createInterface(child.stdout);
  output.on('line', (line) => lines.push(line));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
  const ended: Promise<Ending> = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  const log = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);

  async function logged(msg: string): Promise<Record<string, unknown>> {
    let over = false;
    void ended.then(() => (over = true));
    for (;;) {
      const found = log().find((line) => line['msg'] === msg);
      if (found) return found;
      if (over) throw new Error(`ended without logging "${msg}": ${lines.join('\n')}${errors}`);
      await Promise.race([once(output, 'line'), ended]);
    }
  }

  return {
    pid: child.pid!,
    lines,
    log,
    errors: () => errors,
    logged,
    url: async () => `http://127.0.0.1:${String((await logged('listening'))['port'])}`,
    signal: (name) => void child.kill(name),
    ended,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
