import { isLedgerId, newLedgerId } from '../../../src/ledger/ledger-id.js';

describe('newLedgerId and isLedgerId', () => {
  test('create ids that sort in order of creation, within a millisecond and when the clock goes back', () => {
    const now = Date.now() + 1_000;
    const ids = Array.from({ length: 140_000 }, (_, index) => newLedgerId(now - (index % 2) * 5_000));
    expect(ids.findIndex((id, index) => id <= (ids[index - 1] ?? ''))).toBe(-1);
  });

  test.each([
    [newLedgerId(), true],
    [newLedgerId().toUpperCase(), false],
    [`${newLedgerId()}0`, false],
    [`${newLedgerId()}\n`, false],
    ['', false],
  ])('recognize a ledger id: isLedgerId(%j) is %s', (text, expected) => {
    expect(isLedgerId(text)).toBe(expected);
  });
});
