import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { Database } from '../../src/database/database.js';
import { EmbeddedServer } from '../../src/database/embedded-server.js';
import {
  removeFolder,
  createTemplate,
  copyOf,
  clusterOf,
  serverPidOf,
  isAlive,
  startOn,
  startReadyOn,
  sendTo,
  fatalOf,
} from '../support/embedded-world.js';
import type { GatewayProcess } from '../support/gateway-process.js';
import { waitFor } from '../support/wait-for.js';

let dataDir: string;
const cluster = () => clusterOf(dataDir);
const serverPid = () => serverPidOf(dataDir);

let template: string;
beforeAll(async () => {
  template = await createTemplate();
}, 60_000);
afterAll(() => removeFolder(template));

describe('the server of a running gateway', () => {
  let gateway: GatewayProcess;
  let sent = 0;
  const expectSent = async () => {
    expect(await sendTo(gateway)).toBe(200);
    sent += 1;
  };
  beforeAll(async () => {
    dataDir = copyOf(template);
    gateway = await startReadyOn(dataDir);
  }, 60_000);
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    removeFolder(dataDir);
  });

  const logged = (msg: string) => gateway.log().filter((line) => line['msg'] === msg);

  test.each(['SIGKILL', 'SIGINT'] as const)(
    'is started again after %s, without a restart of the gateway',
    async (signal) => {
      const before = logged('the embedded PostgreSQL runs again').length;
      const pid = serverPid();
      await expectSent();
      process.kill(pid, signal);
      await waitFor(
        'the server is started again',
        () => logged('the embedded PostgreSQL runs again').length > before,
      );
      expect(isAlive(pid)).toBe(false);
      await waitFor('callbacks are recorded again', async () => (await sendTo(gateway)) === 200);
      sent += 1;
      expect(logged('the embedded PostgreSQL has ended')).toHaveLength(before + 1);
      expect(logged('the embedded PostgreSQL has ended').at(-1)).toMatchObject({ level: 'warn' });
      expect(logged('the embedded PostgreSQL runs again').at(-1)).toMatchObject({ level: 'info' });
    },
  );

  test('is started again when its folder is back, and not on a new one', async () => {
    const folder = join(dataDir, 'postgresql');
    const before = logged('the embedded PostgreSQL runs again').length;
    const pid = serverPid();
    renameSync(folder, `${folder}-elsewhere`);
    process.kill(pid, 'SIGKILL');
    const refusals = () => logged('the embedded PostgreSQL does not start');
    await waitFor('the missing folder is logged', () => refusals().length > 0);
    expect(refusals().at(-1)!['reason']).toContain('DATA_DIR has no folder postgresql any more');
    expect(existsSync(folder)).toBe(false);
    renameSync(`${folder}-elsewhere`, folder);
    await waitFor('it runs again', () => logged('the embedded PostgreSQL runs again').length > before);
    await waitFor('callbacks are recorded again', async () => (await sendTo(gateway)) === 200);
    sent += 1;
  });

  test('is not shared with a second gateway, which ends with a sentence', async () => {
    const pid = serverPid();
    expect(await fatalOf(startOn(dataDir))).toMatch(/^DATA_DIR is in use by another gateway: .*DATABASE_URL/);
    expect(serverPid()).toBe(pid);
    await expectSent();
  });

  test('is ended by the next start when the gateway was killed', async () => {
    const pid = serverPid();
    await gateway[Symbol.asyncDispose]();
    expect(isAlive(pid)).toBe(true);
    gateway = await startReadyOn(dataDir);
    expect(isAlive(pid)).toBe(false);
    await expectSent();
  });

  test('stops with the gateway, in an orderly way, and its files hold every callback', async () => {
    const pid = serverPid();
    gateway.signal('SIGTERM');
    expect(await gateway.ended).toEqual({ code: 0, signal: null });
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(join(cluster(), 'postmaster.pid'))).toBe(false);
    const database = new Database({ server: new EmbeddedServer(dataDir), timeoutMs: 3_000 });
    await database.migrate();
    const rows = await database.run((db) => db.selectFrom('ledger').select('id').execute());
    expect(rows).toHaveLength(sent);
    await database.close();
  });
});
