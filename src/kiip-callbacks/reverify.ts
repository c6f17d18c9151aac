import type { Config } from '../config/config.js';
import { toCallbackMedia, parseCallback } from './parse-callback.js';
import type { KiipCallbacksService } from './kiip-callbacks.service.js';
import { verifySignature } from './kiip-signature.js';
import type { RejectedCallbacksService } from './rejected-callbacks.service.js';

/** What became of the kept callbacks; those that are still refused stay where they are. */
export interface ReverifyCounts {
  recorded: number;
  duplicate: number;
  quarantined: number;
  rejected: number;
}

/**
 * Verifies every kept callback again, from the bytes that arrived, under the secrets of now. One is removed after it has
 * been committed to the ledger, so a run that is cut short is simply run again.
 * @throws StorageUnavailable
 */
export async function reverify(
  rejected: RejectedCallbacksService,
  callbacks: KiipCallbacksService,
  { kiipAppSecrets, kiipLegacySignature }: Config,
): Promise<ReverifyCounts> {
  const counts: ReverifyCounts = { recorded: 0, duplicate: 0, quarantined: 0, rejected: 0 };
  for await (const { id, body, contentType, receivedAt } of rejected.all()) {
    const callback = parseCallback(body, toCallbackMedia(contentType), kiipLegacySignature);
    const match = callback.ok ? verifySignature(callback, kiipAppSecrets, kiipLegacySignature) : undefined;
    if (!callback.ok || !match) {
      counts.rejected += 1;
      continue;
    }
    const { outcome } = await callbacks.record({ callback, match, receivedAt });
    counts[outcome] += 1;
    await rejected.remove(id);
  }
  return counts;
}
