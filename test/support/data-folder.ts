import { cpSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Creates a DATA_DIR with an empty ledger. The test removes it. */
export function newDataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-data-'));
  cpSync(process.env['GATEWAY_TEST_TEMPLATE']!, folder, { recursive: true });
  return folder;
}
