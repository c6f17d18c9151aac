import {
  isUserReference,
  mintUserReference,
  USER_REFERENCE_LENGTH,
} from '../../../src/user-references/user-reference.js';
import { REFERENCE } from '../kiip-callbacks/kiip-samples.js';

describe('a user reference', () => {
  it('has the shape that it is recognised by', () => {
    const minted = Array.from({ length: 1_000 }, mintUserReference);
    expect(minted.filter((reference) => !isUserReference(reference))).toEqual([]);
    expect(minted.filter((reference) => reference.length !== USER_REFERENCE_LENGTH)).toEqual([]);
  });

  it('never comes twice', () => {
    expect(new Set(Array.from({ length: 1_000 }, mintUserReference)).size).toBe(1_000);
  });

  it('uses all 32 letters at every place', () => {
    const minted = Array.from({ length: 2_000 }, mintUserReference);
    for (let place = 3; place < USER_REFERENCE_LENGTH; place += 1) {
      expect(new Set(minted.map((reference) => reference.charAt(place))).size).toBe(32);
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

  it('is the sample of these tests', () => {
    expect(isUserReference(REFERENCE)).toBe(true);
  });
});
