import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../../src/config/read-config.js';
import { baseEnvironment, credentials } from './gateway.js';

const entry = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** The built gateway as a process of its own, which can be killed. */
export class GatewayChild {
  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
  ) {}

  /** Resolves once it listens. */
  static async start(env: Environment): Promise<GatewayChild> {
    const child = spawn(process.execPath, [...process.execArgv, entry], {
      env: { ...baseEnvironment, LOG_LEVEL: 'info', ...env, HOST: '127.0.0.1', PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface({ input: child.stdout })) {
      const { msg, port } = JSON.parse(line) as { msg?: string; port?: number };
      if (msg === 'listening') return new GatewayChild(child, `http://127.0.0.1:${port}`);
    }
    throw new Error('the gateway ended before it listened');
  }

  post(path: string, body: unknown, headers: Record<string, string>): Promise<Response> {
    return fetch(this.url + path, {
      method: 'POST',
      headers: { ...credentials, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  }

  async kill(): Promise<void> {
    const ended = once(this.child, 'close');
    this.child.kill('SIGKILL');
    await ended;
  }
}
