import {
  isUserReference,
  mintUserReference,
  USER_REFERENCE_LENGTH,
} from '../../../src/user-references/user-reference.js';
import { REFERENCE } from '../kiip-callbacks/kiip-samples.js';

describe('a user reference', () => {
  it('matches its pattern and length', () => {
    const minted = Array.from({ length: 1_000 }, mintUserReference);
    expect(minted.filter((reference) => !isUserReference(reference))).toEqual([]);
    expect(minted.filter((reference) => reference.length !== USER_REFERENCE_LENGTH)).toEqual([]);
  });

  it('is unique', () => {
    expect(new Set(Array.from({ length: 1_000 }, mintUserReference)).size).toBe(1_000);
  });

  it('uses all 32 letters in every position', () => {
    const minted = Array.from({ length: 2_000 }, mintUserReference);
    for (let position = 3; position < USER_REFERENCE_LENGTH; position += 1) {
      expect(new Set(minted.map((reference) => reference.charAt(position))).size).toBe(32);
    }
  });

  it.each([
    ['nothing', ''],
    ['a plain id', 'user-123'],
    ['one letter less', REFERENCE.slice(0, -1)],
    ['one letter more', `${REFERENCE}0`],
    ['lower case', REFERENCE.toLowerCase()],
    ['a letter that Crockford left out', REFERENCE.replace('H', 'I')],
    ['another prefix', REFERENCE.replace('ku_', 'kx_')],
    ['a digit in front', `1${REFERENCE.slice(1)}`],
    ['a line feed behind', `${REFERENCE}\n`],
    ['a space in front', ` ${REFERENCE}`],
  ])('is not %s', (_other, text) => {
    expect(isUserReference(text)).toBe(false);
  });

  it('matches the sample of the tests', () => {
    expect(isUserReference(REFERENCE)).toBe(true);
  });
});
