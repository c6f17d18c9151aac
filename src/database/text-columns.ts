import { hash } from 'node:crypto';

/**
 * SHA-256 of a list of strings, as 43 characters. JSON separates the parts, so two different lists never have the same
 * hash input. Columns with hashes are indexed instead of the strings, because an index entry holds about 2,700 bytes.
 */
export function sha256Key(...parts: (string | null)[]): string {
  return hash('sha256', JSON.stringify(parts), 'base64url');
}

/** Replaces what PostgreSQL cannot store in a text: U+0000 and lone surrogates. Both can arrive with a valid signature. */
export function sanitizeText(text: string): string {
  if (text.isWellFormed() && !text.includes('\0')) return text;
  return text.replaceAll('\0', '\u{FFFD}').toWellFormed();
}
