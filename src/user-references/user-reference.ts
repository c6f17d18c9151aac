import { randomBytes } from 'node:crypto';

/** Crockford's base 32, without I, L, O and U. Five bits of a random byte choose one of the 32 letters without bias. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const LENGTH = 26;

/** The length of every reference, including `ku_`. */
export const USER_REFERENCE_LENGTH = 'ku_'.length + LENGTH;

const PATTERN = new RegExp(`^ku_[${ALPHABET}]{${LENGTH}}$`);

/**
 * Creates a reference that is sent to Kiip instead of a user id: `ku_` and 26 letters, 130 random bits.
 *
 * The signed text of a callback has no separators (docs/vendors/kiip.md, 8). A reference starts with a letter, which ends the
 * quantity before it, and has a fixed length, which shows where the transaction id after it starts. So the text can be split
 * in one way only. It has no checksum: the table has every reference, and anyone could compute a checksum.
 */
export function mintUserReference(): string {
  const letters = Array.from(randomBytes(LENGTH), (byte) => ALPHABET.charAt(byte & 31));
  return `ku_${letters.join('')}`;
}

/** Whether the value has the format of a reference. Only the table shows whether it exists. */
export function isUserReference(value: string): boolean {
  return PATTERN.test(value);
}
