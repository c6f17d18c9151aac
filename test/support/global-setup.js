// Jest's globalSetup: starts the PostgreSQL server of this run and creates the databases that tests copy (see databases.ts).
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { findBinaries } from '../../build/database/embedded-binaries.js';
import { Database } from '../../build/database/database.js';
import { findServerUser } from '../../build/database/embedded-user.js';

export default async function globalSetup() {
  const folder = mkdtempSync(join(inMemory() ?? tmpdir(), 'gateway-tests-'));
  process.once('exit', () =>
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }),
  );
  chmodSync(folder, 0o755);
  const user = findServerUser(folder);
  // Tests with a server of their own copy the cluster, and run it with the same binaries.
  process.env.TEST_POSTGRES_BIN ??= dirname((await findBinaries(folder, user)).postgres);
  process.env.TEST_POSTGRES_CLUSTER = createCluster(folder, user);
  process.env.TEST_DATABASE_URL ??= await startServer(process.env.TEST_POSTGRES_CLUSTER, user);
  await createTemplate(process.env.TEST_DATABASE_URL);
}

/** The folder of Linux for files in memory, if it is large enough: creating a database takes a tenth as long there. */
function inMemory() {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    return bavail * bsize > 4 * 2 ** 30 ? '/dev/shm' : undefined;
  } catch {
    return undefined;
  }
}

function createCluster(folder, user) {
  const cluster = join(folder, 'cluster');
  const parent = mkdtempSync(`${cluster}-`);
  if (user) chownSync(parent, user.uid, user.gid);
  const data = join(parent, 'data');
  // Other users of the machine can connect as well.
  process.env.TEST_POSTGRES_PASSWORD = randomBytes(16).toString('hex');
  const passwordFile = join(parent, 'password');
  writeFileSync(passwordFile, process.env.TEST_POSTGRES_PASSWORD, { mode: 0o600 });
  if (user) chownSync(passwordFile, user.uid, user.gid);
  const flags = [
    '-U',
    'gateway',
    '-A',
    // SCRAM takes 6 ms of each connection.
    'md5',
    `--pwfile=${passwordFile}`,
    '-N',
    '-E',
    'UTF8',
    '--locale=C',
  ];
  execFileSync(join(process.env.TEST_POSTGRES_BIN, 'initdb'), ['-D', data, ...flags], {
    ...user,
    cwd: parent,
    stdio: 'pipe',
  });
  return data;
}

async function startServer(cluster, user) {
  const port = await freePort();
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'fsync=off',
    'max_connections=400',
  ];
  const data = `${cluster}-shared`;
  execFileSync('cp', ['-a', cluster, data], { ...user });
  const child = spawn(
    join(process.env.TEST_POSTGRES_BIN, 'postgres'),
    ['-D', data, ...settings.flatMap((setting) => ['-c', setting])],
    { ...user, cwd: data, stdio: 'ignore' },
  );
  // Before its folder is removed.
  process.prependOnceListener('exit', () => child.kill('SIGQUIT'));
  child.unref();
  return `postgresql://gateway:${process.env.TEST_POSTGRES_PASSWORD}@127.0.0.1:${port}/postgres`;
}

/** A migrated database. Its name has the id of this process: several runs may share a server. */
async function createTemplate(url) {
  const name = `gateway_template_${process.pid}`;
  const client = await connect(url);
  await client.query(`create database ${name}`);
  const { rows } = await client.query(`select current_setting('server_version_num')::int as version`);
  await client.end();
  const template = new URL(url);
  template.pathname = name;
  const database = new Database({ server: template.href, timeoutMs: 60_000 });
  await database.migrate();
  await database.close();
  // The fastest way without fsync, and the only one before PostgreSQL 15.
  const strategy = rows[0].version >= 150_000 ? ' strategy file_copy' : '';
  process.env.TEST_DATABASE_OPTIONS = `template ${name}${strategy}`;
}

async function connect(url) {
  for (const since = Date.now(); ; await sleep(20)) {
    const client = new Client({ connectionString: url });
    try {
      await client.connect();
      return client;
    } catch (error) {
      if (Date.now() - since > 30_000) throw error;
    }
  }
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
