import type { Config } from '../config/config.js';
import type { KiipCallbacksService } from './kiip-callbacks.service.js';
import type { RejectedCallbacksService } from './rejected-callbacks.service.js';
import { verifyAgain } from './verified-callback.js';

/** How many callbacks had which outcome. The rejected ones stay stored. */
export interface ReverifyCounts {
  recorded: number;
  duplicate: number;
  quarantined: number;
  rejected: number;
}

/**
 * Verifies every stored callback again with the current secrets. A callback is removed after it is committed to the
 * ledger, so an interrupted run can be repeated.
 * @throws StorageUnavailableError
 */
export async function reverify(
  rejected: RejectedCallbacksService,
  callbacks: KiipCallbacksService,
  { kiipAppSecrets, kiipLegacySignature }: Config,
): Promise<ReverifyCounts> {
  const counts: ReverifyCounts = { recorded: 0, duplicate: 0, quarantined: 0, rejected: 0 };
  for await (const kept of rejected.all()) {
    const verified = verifyAgain(kept, kiipAppSecrets, kiipLegacySignature);
    if (!verified) {
      counts.rejected += 1;
      continue;
    }
    const { outcome } = await callbacks.record(verified);
    counts[outcome] += 1;
    await rejected.remove(kept.id);
  }
  return counts;
}
