// Jest's globalSetup: an embedded database as the built gateway makes it at its first start. That takes seconds, and two dozen
// suites need one: they copy this one, see data-folder.ts. How one is made is tested where none is copied.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { Database } from '../../dist/database/database.js';

export default async function makeTemplate() {
  const dataDir = mkdtempSync(join(tmpdir(), 'gateway-template-'));
  process.env.GATEWAY_TEST_TEMPLATE = dataDir;
  process.once('exit', () => rmSync(dataDir, { recursive: true, force: true }));
  const database = new Database({ dataDir, timeoutMs: 60_000 });
  await database.migrate();
  await database.close();
}
