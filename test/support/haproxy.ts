import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { describeWhenInstalled } from './describe-when-installed.js';
import { freePort } from './free-port.js';
import { waitFor } from './wait-for.js';

// Debian keeps it out of the PATH of users.
const PATH = `${process.env['PATH']}:/usr/sbin`;
const installed = spawnSync('haproxy', ['-v'], { env: { PATH } }).status === 0;

export const describeWithHaproxy = describeWhenInstalled(installed, 'there is no haproxy on this machine');

/** The ports of a server. */
export interface BalancedServer {
  readonly callers: number;
  readonly callbacks: number;
}

export interface Balancer extends AsyncDisposable {
  /** Balances connections, as kube-proxy does for a Service. */
  readonly callers: string;
  /** Balances requests, over connections of its own, as an ingress controller does. */
  readonly callbacks: string;
  /** Whether new connections and requests go to this server. Connections that are open stay, and so do those requests. */
  use(server: number, used: boolean): Promise<void>;
}

/** A real HAProxy, which uses no server yet. It tries nothing again, so that no failure is hidden. */
export async function startHaproxy(servers: readonly BalancedServer[]): Promise<Balancer> {
  const folder = mkdtempSync(join(tmpdir(), 'haproxy-'));
  const [callers, callbacks] = [await freePort(), await freePort()];
  const socket = join(folder, 'admin');
  const listed = (name: keyof BalancedServer) =>
    servers.map((ports, index) => `  server pod-${index} 127.0.0.1:${ports[name]} disabled`).join('\n');
  writeFileSync(
    join(folder, 'haproxy.cfg'),
    `global
  stats socket ${socket} level admin
defaults
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  retries 0
  balance random(1)
listen callers
  bind 127.0.0.1:${callers}
  mode tcp
${listed('callers')}
listen callbacks
  bind 127.0.0.1:${callbacks}
  mode http
${listed('callbacks')}
`,
  );
  const child = spawn('haproxy', ['-db', '-q', '-f', join(folder, 'haproxy.cfg')], {
    env: { PATH },
    stdio: ['ignore', 'ignore', 'inherit'],
  });

  async function command(line: string): Promise<void> {
    const connection = connect(socket);
    connection.write(`${line}\n`);
    const reply = (await text(connection)).trim();
    if (reply !== '') throw new Error(`HAProxy: ${line}: ${reply}`);
  }

  const use = (server: number, used: boolean) =>
    command(
      ['callers', 'callbacks']
        .map((name) => `set server ${name}/pod-${server} state ${used ? 'ready' : 'maint'}`)
        .join(';'),
    );
  await waitFor('HAProxy takes commands', () => use(0, false).then(() => true));
  return {
    callers: `http://127.0.0.1:${callers}`,
    callbacks: `http://127.0.0.1:${callbacks}`,
    use,
    async [Symbol.asyncDispose]() {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
