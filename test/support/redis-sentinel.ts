import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { onRedisClient } from './redis.js';
import { waitFor } from './wait-for.js';

export interface RedisSentinel {
  readonly url: string;
  /** Makes a replica the master. Resolves once the Sentinel names it. */
  failOver(): Promise<void>;
  close(): Promise<void>;
}

/** A real Sentinel that watches one master. */
export async function startRedisSentinel(name: string, masterPort: number): Promise<RedisSentinel> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-'));
  const config = join(folder, 'sentinel.conf');
  writeFileSync(
    config,
    `port ${port}
bind 127.0.0.1
dir ${folder}
sentinel monitor ${name} 127.0.0.1 ${masterPort} 1
sentinel down-after-milliseconds ${name} 500
`,
  );
  const child = spawn('redis-server', [config, '--sentinel'], { stdio: 'ignore' });
  const url = `redis://127.0.0.1:${port}`;

  const command = (...args: string[]) =>
    onRedisClient<unknown>(port, (client) => client.sendCommand(['SENTINEL', ...args]));
  const masterIs = async (wanted: (port: string) => boolean) =>
    wanted(((await command('GET-MASTER-ADDR-BY-NAME', name)) as string[])[1]!);

  await waitFor('the Sentinel answers', () => masterIs((known) => known === String(masterPort)));
  return {
    url,
    async failOver() {
      // It is refused until the Sentinel has found a replica, by asking the master.
      await waitFor('the failover begins', async () => (await command('FAILOVER', name)) === 'OK');
      await waitFor('the Sentinel names another master', () =>
        masterIs((known) => known !== String(masterPort)),
      );
    },
    async close() {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
