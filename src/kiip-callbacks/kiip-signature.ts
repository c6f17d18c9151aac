import { hash, timingSafeEqual } from 'node:crypto';

import type { KiipCallback } from './parse-callback.js';

/** `legacy-redemption` is the formula without `name`, which a production receiver of 2017 used. */
export type SignatureScheme = 'redemption' | 'legacy-redemption' | 'issuance';

/** Every field that some formula signs, as the text that arrived. */
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
  /** Which of the configured secrets. */
  readonly secretIndex: number;
}

/** What counters, metrics and the ledger call a secret: its place in KIIP_APP_SECRETS. */
export function toSecretId({ secretIndex }: SignatureMatch): string {
  return `secret-${secretIndex + 1}`;
}

const SIGNED_FIELDS: Readonly<Record<SignatureScheme, readonly (keyof SignedFields)[]>> = {
  redemption: ['content', 'name', 'quantity', 'user_id', 'transaction_id'],
  'legacy-redemption': ['content', 'quantity', 'user_id', 'transaction_id'],
  issuance: ['content', 'quantity', 'user_id', 'transaction_id', 'nonce', 'origin'],
};

const EMPTY_DIGEST = Buffer.alloc(20);

/** The text that Kiip appends its secret to and hashes (kiip-server-to-server.txt): the fields, with nothing in between. */
export function signedText(formula: SignatureScheme, fields: SignedFields): string {
  return SIGNED_FIELDS[formula].map((field) => fields[field] ?? '').join('');
}

/**
 * The formula and the secret that a callback's signature was made with, or undefined: wrong, missing or empty. The
 * vendor's text calls it an HMAC; its formula and its code are a SHA-1 over text and secret.
 *
 * Every secret is tried under every formula of the format, whatever was found before and whatever the signature looks
 * like, and only digests of 20 bytes are compared: the time taken tells nothing.
 *
 * @param legacy whether the formula without `name` is accepted, also for a redemption that carries one. Such a `name`
 *   is then not signed.
 */
export function verifySignature(
  callback: KiipCallback,
  secrets: readonly string[],
  legacy: boolean,
): SignatureMatch | undefined {
  const given = parseSignature(callback.signature);
  let match: SignatureMatch | undefined;
  for (const formula of schemesFor(callback, legacy)) {
    const text = signedText(formula, callback.fields);
    for (const [secretIndex, secret] of secrets.entries()) {
      const equal = timingSafeEqual(hash('sha1', text + secret, 'buffer'), given ?? EMPTY_DIGEST);
      // An empty secret is no secret: anyone could have signed.
      if (equal && given !== undefined && secret !== '') match ??= { scheme: formula, secretIndex };
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
