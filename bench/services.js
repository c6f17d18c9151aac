// The services that the benchmarks measure with, and the process that generates load and plays the vendors.
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { freePort, prefer, start, stop } from './processes.js';

const FIRST_ROWS = 3000;
/** What one would make for callbacks. */
const ISSUANCES = `create table issuances (
  id uuid primary key default gen_random_uuid(), transaction_id text not null, nonce text not null default '',
  signature text not null unique, content text not null, name text, quantity integer not null, user_id text not null,
  duplicates integer not null default 0, received_at timestamptz not null default now(), unique (transaction_id, nonce))`;

/** @param more settings of the server, such as `work_mem=64MB` @returns undefined where PostgreSQL is not installed */
export async function startPostgres(...more) {
  const bin = binaries();
  if (bin === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'gateway-bench-'));
  // It refuses to run as root.
  const [uid, gid] = process.getuid() === 0 ? ['-u', '-g'].map(idOf) : [];
  const options = { uid, gid, cwd: folder, stdio: 'ignore' };
  if (uid !== undefined) chownSync(folder, uid, gid);
  const data = join(folder, 'data');
  const layout = ['-U', 'bench', '-A', 'trust', '-N', '-E', 'UTF8', '--locale=C'];
  execFileSync(join(bin, 'initdb'), ['-D', data, ...layout], options);
  const port = await freePort();
  // It waits for the disk at each commit, as it comes.
  const settings = ['max_connections=400', 'max_wal_size=4GB', ...more].flatMap((setting) => ['-c', setting]);
  const address = ['-p', String(port), '-k', folder, '-h', '127.0.0.1'];
  const server = start(join(bin, 'postgres'), ['-D', data, ...address, ...settings], options);
  const preferred = prefer(server);
  const urlOf = (database) => `postgresql://bench@127.0.0.1:${port}/${database}`;
  const rowsPerSecond = new Map();
  let answers = false;
  while (!answers) {
    if (server.exitCode !== null) throw new Error('PostgreSQL does not start');
    answers = await query(urlOf('postgres'), 'select 1').then(
      () => true,
      () => delay(50, false),
    );
  }
  return {
    version: execFileSync(join(bin, 'postgres'), ['--version'], { encoding: 'utf8' }).trim(),
    pid: server.pid,
    preferred,
    async createDatabase(name) {
      await query(urlOf('postgres'), `create database ${name}`);
      return urlOf(name);
    },
    createIssuances: (url) => query(url, ISSUANCES),
    /**
     * One callback in each commit, by pgbench, for about so many seconds. It gets a number of rows: of a time it would take
     * what it needs to connect, which on a busy machine is all of a second.
     */
    async insert(url, clients, seconds) {
      const rows = Math.ceil(((rowsPerSecond.get(clients) ?? FIRST_ROWS) * seconds) / clients);
      const amount = ['-t', String(rows)];
      const script = fileURLToPath(new URL('peers/callback.sql', import.meta.url));
      const parts = ['-n', '-M', 'prepared', '-j', '1', '-c', String(clients), ...amount, '-f', script, url];
      const output = { stdio: ['ignore', 'pipe', 'inherit'] };
      const pgbench = start(join(bin, 'pgbench'), parts, { measured: true, ...output });
      const report = await text(pgbench.stdout);
      const figure = (pattern) => {
        const found = pattern.exec(report);
        if (found === null) throw new Error(`pgbench has failed: ${report}`);
        return Number(found[1]);
      };
      const requests = figure(/actually processed: (\d+)/);
      const rate = figure(/tps = ([\d.]+)/);
      rowsPerSecond.set(clients, rate);
      return { requests, seconds: requests / rate, p50: figure(/latency average = ([\d.]+)/) };
    },
    async stop() {
      await stop(server, 'SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Without files. @returns undefined where Redis is not installed */
export async function startRedis() {
  if (spawnSync('redis-server', ['--version']).error) return undefined;
  const port = await freePort();
  const server = start('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', ''], {});
  const preferred = prefer(server);
  while (!/Ready to accept/.test(String(await once(server.stdout, 'data'))));
  return { url: `redis://127.0.0.1:${port}`, preferred, stop: () => stop(server) };
}

/** Callers, vendors and a consumer: see load.js, which also says what a job is. */
export async function startLoad() {
  const child = start(process.execPath, [fileURLToPath(new URL('load.js', import.meta.url))], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [{ port }] = await once(child, 'message');
  return {
    port,
    pid: child.pid,
    url: `http://127.0.0.1:${port}`,
    async run(job) {
      child.send(job);
      const [result] = await once(child, 'message');
      if (result.error) throw new Error(result.error);
      return result;
    },
    stop: () => stop(child),
  };
}

async function query(url, statement) {
  const client = new Client({ connectionString: url });
  await client.connect();
  return client.query(statement).finally(() => client.end());
}

/** The folder that has the server and pgbench: in PATH, or where Debian puts it. */
function binaries() {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian) : [];
  const folders = [
    ...process.env.PATH.split(delimiter),
    ...versions.map((name) => join(debian, name, 'bin')),
  ];
  return folders.find((folder) =>
    ['initdb', 'postgres', 'pgbench'].every((name) => existsSync(join(folder, name))),
  );
}

function idOf(flag) {
  return Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
}
