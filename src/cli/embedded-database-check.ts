import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Config } from '../config/config.js';
import { findInstalled } from '../database/embedded-binaries.js';
import { clusterFolder } from '../database/embedded-cluster.js';
import { connect, urlOf } from '../database/embedded-connection.js';
import { EmbeddedDatabaseError } from '../database/embedded-error.js';
import { findLeftover, isUsed } from '../database/embedded-leftover.js';
import { summarizeError } from '../log/error-summary.js';
import { checkServer } from './database-check.js';
import { failed, ok } from './finding.js';
import type { Finding } from './finding.js';

const CHECK = 'database';

/** Looks at the files, and at the server of a running gateway. It starts none, and creates nothing. */
export async function checkEmbeddedDatabase(config: Config): Promise<Finding[]> {
  try {
    findInstalled();
    return await checkFolder(config);
  } catch (error) {
    if (error instanceof EmbeddedDatabaseError) return [failed(CHECK, error.message)];
    const { code } = summarizeError(error);
    if (code !== 'EACCES' && code !== 'ENOENT') throw error;
    return [
      failed(CHECK, `the files in DATA_DIR cannot be read (${code}): run this as the user of the gateway`),
    ];
  }
}

async function checkFolder(config: Config): Promise<Finding[]> {
  const folder = clusterFolder(resolve(config.dataDir));
  if (!existsSync(folder)) return [ok(CHECK, 'embedded; the first start creates it in DATA_DIR')];
  const data = join(folder, 'data');
  const version = (await readFile(join(data, 'PG_VERSION'), 'utf8')).trim();
  const left = await findLeftover(data);
  if (left === undefined) return [ok(CHECK, `embedded PostgreSQL ${version}, not running`)];
  const url = urlOf(left.address, (await readFile(join(folder, 'password'), 'utf8')).trim());
  const connection = await connect(url).catch((error: unknown) => {
    if (error instanceof EmbeddedDatabaseError) throw error;
  });
  if (connection !== undefined) {
    await connection.release();
    return checkServer(url, config, 'embedded, of a running gateway');
  }
  if (!(await isUsed(left.pid, data)))
    return [ok(CHECK, `embedded PostgreSQL ${version}, not running; the next start recovers it`)];
  return [
    failed(CHECK, `process ${left.pid} uses the files in DATA_DIR and does not respond: wait, or end it`),
  ];
}
