// Jest's globalSetup: creates an embedded database with the built gateway. That takes seconds, so the test files that need one
// copy this template (see data-folder.ts).
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { Database } from '../../build/database/database.js';

export default async function makeTemplate() {
  const dataDir = mkdtempSync(join(tmpdir(), 'gateway-template-'));
  process.env.GATEWAY_TEST_TEMPLATE = dataDir;
  process.once('exit', () => rmSync(dataDir, { recursive: true, force: true }));
  const database = new Database({ dataDir, timeoutMs: 60_000 });
  await database.migrate();
  await database.close();
}
