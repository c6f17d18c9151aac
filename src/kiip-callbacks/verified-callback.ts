import type { QuarantinedCallback } from '../ledger/ledger-entry.js';
import { signedText, verifySignature } from './kiip-signature.js';
import type { SignatureMatch, SignatureScheme } from './kiip-signature.js';
import { parseCallback } from './parse-callback.js';
import type { CallbackMedia, KiipCallback } from './parse-callback.js';

/** A callback with a valid signature. */
export interface VerifiedCallback {
  readonly callback: KiipCallback;
  readonly match: SignatureMatch;
  readonly receivedAt: Date;
}

/** A callback as it arrived. */
export interface UnverifiedCallback {
  readonly body: Uint8Array;
  readonly media: CallbackMedia;
  readonly receivedAt: Date;
}

/** A callback with a valid signature, and the bytes that it arrived as. */
export interface ReceivedCallback extends UnverifiedCallback, VerifiedCallback {}

/** Verifies a callback that was kept as it arrived. @returns undefined if none of the secrets has signed it */
export function verifyAgain(
  { body, media, receivedAt }: UnverifiedCallback,
  secrets: readonly string[],
  legacy: boolean,
): VerifiedCallback | undefined {
  const callback = parseCallback(body, media, legacy);
  const match = callback.ok ? verifySignature(callback, secrets, legacy) : undefined;
  return callback.ok && match ? { callback, match, receivedAt } : undefined;
}

/**
 * The callback behind a quarantined entry.
 * @returns undefined if the entry does not have its fields as they were received: the database cannot store every character
 */
export function toVerifiedCallback(entry: QuarantinedCallback): VerifiedCallback | undefined {
  const { kind, content, quantity, signature, secretIndex, receivedAt } = entry;
  const scheme = entry.signatureScheme as SignatureScheme;
  const common = { content, quantity, user_id: entry.userId, transaction_id: entry.transactionId };
  const callback: KiipCallback =
    kind === 'issuance'
      ? { kind, fields: { ...common, nonce: entry.nonce ?? '', origin: entry.origin ?? '' }, signature }
      : {
          kind,
          legacy: scheme === 'legacy-redemption',
          fields: { ...common, name: entry.name ?? undefined },
          signature,
        };
  if (signedText(scheme, callback.fields) !== entry.signedText) return undefined;
  return { callback, match: { scheme, secretIndex }, receivedAt };
}
