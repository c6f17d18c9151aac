import { createHash } from 'node:crypto';

/**
 * SHA-256 of a list of texts, as 43 characters. JSON keeps the parts apart: no two lists share a text, whatever the
 * parts contain. Index entries may not be longer than some 2,700 bytes; what arrives may be.
 */
export function sha256Key(...parts: (string | null)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

/** PostgreSQL stores neither U+0000 nor half a surrogate pair in a text; both can arrive, correctly signed. */
export function sanitizeText(text: string): string {
  return text.replaceAll('\0', '\u{FFFD}').toWellFormed();
}
