import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { descendantsOf } from '../support/processes.js';
import { waitFor } from '../support/wait-for.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const PORTS = ['PORT', 'SANDBOX_KIGO_PORT', 'SANDBOX_KIIP_PORT', 'SANDBOX_WALLET_PORT'];

/** `npm run sandbox`, as in a terminal. */
function runSandbox(env: Record<string, string>) {
  const npm = spawn('npm', ['run', 'sandbox'], {
    cwd: root,
    env: { ...process.env, ...Object.fromEntries(PORTS.map((name) => [name, '0'])), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [output, errors] = ['', ''];
  npm.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  npm.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  return { npm, output: () => output, errors: () => errors };
}

describe('npm run sandbox', () => {
  it('ends all of its processes when npm gets a SIGTERM', async () => {
    const { npm, output } = runSandbox({});
    await waitFor('it says what to try', () => output().includes('/console/'), 60);
    const pids = descendantsOf(npm.pid!);
    const origins = new Set(output().match(/http:\/\/127\.0\.0\.1:\d+/g));
    expect(pids.length).toBeGreaterThanOrEqual(2);
    expect(origins.size).toBe(1);

    npm.kill('SIGTERM');
    await once(npm, 'close');

    expect(pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
    for (const origin of origins) await expect(fetch(origin)).rejects.toThrow('fetch failed');
  });

  it.each(PORTS)('says in one sentence, before it starts anything, that %s is in use', async (name) => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;

    const { npm, output, errors } = runSandbox({ [name]: String(port) });
    const [code] = (await once(npm, 'close')) as [number];
    other.close();

    expect(code).toBe(1);
    expect(errors().split('\n')[0]).toBe(`Port ${port} is already in use: set ${name} to a free one.`);
    expect(output()).not.toContain('http');
  });
});
