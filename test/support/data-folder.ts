import { cpSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A DATA_DIR of the test's own, with an empty ledger. It is the test's to remove. */
export function newDataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-data-'));
  cpSync(process.env['GATEWAY_TEST_TEMPLATE']!, folder, { recursive: true });
  return folder;
}
