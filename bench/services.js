// The services that the benchmarks measure against.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';

/** PostgreSQL where it is installed, else the embedded database; `env` is for a new, empty one each time. */
export async function startStorage() {
  const installed = '/usr/lib/postgresql';
  const versions = existsSync(installed) ? readdirSync(installed) : [];
  const folders = [
    ...process.env.PATH.split(delimiter),
    ...versions.map((name) => join(installed, name, 'bin')),
  ];
  const bin = folders.find(
    (folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')),
  );
  const folder = mkdtempSync(join(tmpdir(), 'gateway-bench-'));
  let made = 0;
  if (bin === undefined)
    return {
      name: 'the embedded database',
      env: async () => ({ DATA_DIR: join(folder, String((made += 1))) }),
      stop: () => rmSync(folder, { recursive: true, force: true }),
    };
  // It refuses to run as root.
  const [uid, gid] = process.getuid() === 0 ? ['-u', '-g'].map(idOf) : [];
  const options = { uid, gid, cwd: folder, stdio: 'ignore' };
  if (uid !== undefined) chownSync(folder, uid, gid);
  const data = join(folder, 'data');
  execFileSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'bench', '-A', 'trust', '-N', '-E', 'UTF8', '--locale=C'],
    options,
  );
  const port = await freePort();
  const settings = ['-p', String(port), '-k', folder, '-h', '127.0.0.1'];
  const server = spawn(join(bin, 'postgres'), ['-D', data, ...settings], options);
  const url = (database) => `postgresql://bench@127.0.0.1:${port}/${database}`;
  const query = async (text) => {
    const client = new Client({ connectionString: url('postgres') });
    await client.connect();
    await client.query(text).finally(() => client.end());
  };
  let answers = false;
  for (let tries = 0; !answers && tries < 200; tries += 1) {
    answers = await query('select 1').then(
      () => true,
      () => delay(50, false),
    );
  }
  return {
    name: 'PostgreSQL',
    env: async () => {
      const database = `bench_${(made += 1)}`;
      await query(`create database ${database}`);
      return { DATABASE_URL: url(database) };
    },
    stop: () => {
      server.kill('SIGQUIT');
      server.once('close', () => rmSync(folder, { recursive: true, force: true }));
    },
  };
}

function idOf(flag) {
  return Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
}

/** Without files. @throws when no redis-server is installed */
export async function startRedis() {
  const port = await freePort();
  const server = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '']);
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.stdout.on('data', (text) => String(text).includes('Ready to accept') && resolve());
  });
  return { url: `redis://127.0.0.1:${port}`, stop: () => server.kill() };
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}
