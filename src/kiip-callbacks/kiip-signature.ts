import { hash, timingSafeEqual } from 'node:crypto';

import type { KiipCallback } from './parse-callback.js';

/**
 * How a callback is signed. `legacy-redemption` leaves out `name`; a receiver in production in 2017 expected it
 * (docs/vendors/kiip.md, section 7).
 */
export type SignatureScheme = 'redemption' | 'legacy-redemption' | 'issuance';

/** The signed fields of all schemes, as received. */
export interface SignedFields {
  readonly content: string;
  readonly name?: string | undefined;
  readonly quantity: string;
  readonly user_id: string;
  readonly transaction_id: string;
  readonly nonce?: string | undefined;
  readonly origin?: string | undefined;
}

export interface SignatureMatch {
  readonly scheme: SignatureScheme;
  /** The position of the secret in KIIP_APP_SECRETS, from 1. */
  readonly secretIndex: number;
}

const SIGNED_FIELDS: Readonly<Record<SignatureScheme, readonly (keyof SignedFields)[]>> = {
  redemption: ['content', 'name', 'quantity', 'user_id', 'transaction_id'],
  'legacy-redemption': ['content', 'quantity', 'user_id', 'transaction_id'],
  issuance: ['content', 'quantity', 'user_id', 'transaction_id', 'nonce', 'origin'],
};

const EMPTY_DIGEST = Buffer.alloc(20);

/** The signed fields, joined without separators. Kiip appends the secret and hashes it (docs/vendors/kiip.md, section 7). */
export function signedText(scheme: SignatureScheme, fields: SignedFields): string {
  return SIGNED_FIELDS[scheme].map((field) => fields[field] ?? '').join('');
}

/**
 * Finds the scheme and the secret that a callback is signed with. Returns undefined if the signature is wrong, missing
 * or empty. The vendor's text calls it an HMAC, but its formula and its code compute a SHA-1 over text and secret.
 *
 * Every secret is tried with every scheme, even after a match and for a malformed signature, and the comparison takes
 * constant time: the response time reveals nothing.
 *
 * @param legacy whether the scheme without `name` is accepted, also for a redemption with a `name`. The `name` is then
 *   not signed.
 */
export function verifySignature(
  callback: KiipCallback,
  secrets: readonly string[],
  legacy: boolean,
): SignatureMatch | undefined {
  const given = parseSignature(callback.signature);
  let match: SignatureMatch | undefined;
  for (const scheme of schemesFor(callback, legacy)) {
    const text = signedText(scheme, callback.fields);
    for (const [index, secret] of secrets.entries()) {
      const equal = timingSafeEqual(hash('sha1', text + secret, 'buffer'), given ?? EMPTY_DIGEST);
      // With an empty secret, anybody could sign.
      if (equal && given !== undefined && secret !== '') match ??= { scheme, secretIndex: index + 1 };
    }
  }
  return match;
}

function schemesFor(callback: KiipCallback, legacy: boolean): readonly SignatureScheme[] {
  if (callback.kind === 'issuance') return ['issuance'];
  if (callback.legacy) return legacy ? ['legacy-redemption'] : [];
  return legacy ? ['redemption', 'legacy-redemption'] : ['redemption'];
}

function parseSignature(signature: string | undefined): Buffer | undefined {
  return signature !== undefined && /^[0-9a-f]{40}$/i.test(signature)
    ? Buffer.from(signature, 'hex')
    : undefined;
}
