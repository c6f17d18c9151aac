import { randomBytes } from 'node:crypto';

/** Crockford's base 32: no I, L, O or U. 32 letters, so five bits of a byte choose one without bias. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const LENGTH = 26;

/** Code units of every reference, the `ku_` included. */
export const USER_REFERENCE_LENGTH = 'ku_'.length + LENGTH;

const SHAPE = new RegExp(`^ku_[${ALPHABET}]{${LENGTH}}$`);

/**
 * A new reference to give to Kiip in place of a user id: `ku_` and 26 letters, 130 random bits.
 *
 * It begins with no digit, so that the quantity in front of it ends where it ends, and its length is fixed, so that
 * the transaction behind it begins where it begins: the signed text has one reading. It carries no checksum: the table
 * that maps it back knows every reference ever minted, and anyone could compute a checksum.
 */
export function mintUserReference(): string {
  const letters = Array.from(randomBytes(LENGTH), (byte) => ALPHABET.charAt(byte & 31));
  return `ku_${letters.join('')}`;
}

/** Whether the text has the shape of a reference; whether it was ever minted, only the table of references knows. */
export function isUserReference(text: string): boolean {
  return SHAPE.test(text);
}
