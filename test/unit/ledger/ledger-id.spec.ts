import { isLedgerId, newLedgerId } from '../../../src/ledger/ledger-id.js';

describe('a ledger id', () => {
  test('sorts behind every earlier one, within a millisecond and with a clock that goes back', () => {
    const now = Date.now() + 1_000;
    const ids = Array.from({ length: 140_000 }, (_, index) => newLedgerId(now - (index % 2) * 5_000));
    expect(ids).toEqual(ids.toSorted());
    expect(new Set(ids).size).toBe(ids.length);
  });

  test.each([
    [newLedgerId(), true],
    [newLedgerId().toUpperCase(), false],
    [`${newLedgerId()}0`, false],
    [`${newLedgerId()}\n`, false],
    ['', false],
  ])('%j: %s', (text, verdict) => {
    expect(isLedgerId(text)).toBe(verdict);
  });
});
