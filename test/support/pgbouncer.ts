import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { Client } from 'pg';
import { findServerUser } from '../../src/database/embedded-user.js';
import { describeWhenInstalled } from './describe-when-installed.js';
import { freePort } from './free-port.js';
import { waitFor } from './wait-for.js';

// Debian keeps it out of the PATH of users.
const PATH = `${process.env['PATH']}:/usr/sbin`;
const installed = spawnSync('pgbouncer', ['--version'], { env: { PATH } }).status === 0;

export const describeWithPgBouncer = describeWhenInstalled(
  installed,
  'there is no pgbouncer on this machine',
);

export interface PgBouncer extends AsyncDisposable {
  /** The URL of a database through it. */
  url(database: string): string;
}

/** A real PgBouncer in front of the server of this URL. */
export async function startPgBouncer(
  server: string,
  poolMode: 'session' | 'transaction' | 'statement',
): Promise<PgBouncer> {
  const folder = mkdtempSync(join(tmpdir(), 'pgbouncer-'));
  const user = findServerUser(folder);
  const port = await freePort();
  const { port: serverPort, username, password } = new URL(server);
  const config = join(folder, 'pgbouncer.ini');
  writeFileSync(
    config,
    `[databases]
* = host=127.0.0.1 port=${serverPort} user=${username} password=${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = ${poolMode}
ignore_startup_parameters = options
default_pool_size = 20
`,
  );
  if (user) chownSync(folder, user.uid, user.gid);
  const child = spawn('pgbouncer', ['-q', config], { ...user, env: { PATH }, stdio: 'ignore' });
  const url = (database: string) => `postgresql://${username}@127.0.0.1:${port}/${database}`;
  await waitFor('PgBouncer answers', async () => {
    const client = new Client({ connectionString: url('postgres') });
    await client.connect();
    await client.end();
    return true;
  });
  return {
    url,
    async [Symbol.asyncDispose]() {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
