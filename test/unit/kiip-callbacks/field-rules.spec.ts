import { splitSuffix, findViolation, isTestTransaction } from '../../../src/kiip-callbacks/field-rules.js';
import type { CallbackRules } from '../../../src/kiip-callbacks/field-rules.js';
import type { SignatureScheme, SignedFields } from '../../../src/kiip-callbacks/kiip-signature.js';
import {
  CONFIGURED,
  CONTENT,
  ISSUANCE,
  LEGACY,
  OPAQUE,
  PLAIN,
  REDEMPTION,
  REFERENCE,
  TRANSACTION,
} from './kiip-samples.js';

/** Checks a redemption with the given fields, or an issuance if they include a nonce or an origin. */
function check(fields: Partial<SignedFields>, rules: CallbackRules = PLAIN) {
  const issuance = 'nonce' in fields || 'origin' in fields;
  return findViolation(
    issuance ? 'issuance' : 'redemption',
    { ...(issuance ? ISSUANCE : REDEMPTION), ...fields },
    rules,
  );
}

const LONGEST = '😀'.repeat(256);

describe('findViolation', () => {
  it.each<[string, SignatureScheme, SignedFields, CallbackRules]>([
    ['a redemption', 'redemption', REDEMPTION, PLAIN],
    ['an issuance', 'issuance', ISSUANCE, PLAIN],
    ['a legacy redemption', 'legacy-redemption', { ...REDEMPTION, name: undefined }, LEGACY],
    [
      'a name that the legacy scheme did not sign',
      'legacy-redemption',
      { ...REDEMPTION, content: 'coins', name: 'coins' },
      LEGACY,
    ],
    ['a user reference', 'redemption', { ...REDEMPTION, user_id: REFERENCE }, OPAQUE],
    ['a configured redemption', 'redemption', REDEMPTION, CONFIGURED],
    ['a configured issuance', 'issuance', ISSUANCE, CONFIGURED],
    [
      'a configured name that ends in a digit',
      'redemption',
      { ...REDEMPTION, content: 'gems', name: 'gem2', quantity: '5' },
      CONFIGURED,
    ],
  ])('accepts %s', (_callback, scheme, fields, rules) => {
    expect(findViolation(scheme, fields, rules)).toBeUndefined();
  });

  it.each<[keyof SignedFields, string]>([
    ['quantity', '1'],
    ['quantity', '999999999'],
    ['transaction_id', `test_${TRANSACTION}`],
    ['transaction_id', TRANSACTION.toUpperCase()],
    ['content', 'coins'],
    ['content', 'gold_2.bar-x'],
    ['name', 'a'],
    ['name', 'Münzen 金'],
    ['name', '2 for 1 deal'],
    ['name', LONGEST],
    ['user_id', '0'],
    ['user_id', '1000427'],
    ['user_id', 'user+1@example.com'],
    ['user_id', LONGEST],
    ['nonce', '1'],
    ['nonce', LONGEST],
    ['nonce', 'survey'],
    ['origin', 'other'],
    ['origin', 'app_install'],
    ['origin', LONGEST],
  ])('accepts the %s %j', (field, text) => {
    expect(check({ [field]: text })).toBeUndefined();
  });

  it.each<[keyof SignedFields, string]>([
    ...[
      '',
      '0',
      '020',
      '+20',
      '-20',
      '20.0',
      '2e1',
      ' 20',
      '20 ',
      '20\n',
      '２０',
      '٢٠',
      '0x14',
      '1000000000',
      '9007199254740993',
      '20\u0000',
      'NaN',
    ].map((text): [keyof SignedFields, string] => ['quantity', text]),
    ...[
      '',
      `${TRANSACTION}n`,
      TRANSACTION.slice(1),
      `${TRANSACTION}\n`,
      ` ${TRANSACTION}`,
      TRANSACTION.replaceAll('-', ''),
      `Test_${TRANSACTION}`,
      `test_test_${TRANSACTION}`,
      `live_${TRANSACTION}`,
      TRANSACTION.replace('5', 'g'),
      '5473ca5459a5cf65d319c916',
      `{${TRANSACTION}}`,
    ].map((text): [keyof SignedFields, string] => ['transaction_id', text]),
    ...['', 'a\u0000', 'a\n', '\u007f', '\u0085', '\ud800', `${LONGEST}a`].flatMap(
      (text): [keyof SignedFields, string][] => [
        ['user_id', text],
        ['name', text],
        ['content', text],
        ['nonce', text],
        ['origin', text],
      ],
    ),
    ...['coins1', '1', `${CONTENT}x`, CONTENT.slice(0, -1), 'Coins', 'my coins', '9lives'].map(
      (text): [keyof SignedFields, string] => ['content', text],
    ),
    ['name', 'Gold1'],
  ])('reports an invalid %s: %j', (field, text) => {
    expect(check({ [field]: text })).toEqual({ code: 'field-shape', field });
  });

  it('accepts any content of an issuance that does not end in a digit or begin like an id', () => {
    expect(check({ content: 'My Coins 金', nonce: 'n' })).toBeUndefined();
    expect(check({ content: 'coins1', nonce: 'n' })).toEqual({ code: 'field-shape', field: 'content' });
    expect(check({ content: `${CONTENT}x`, nonce: 'n' })).toEqual({ code: 'field-shape', field: 'content' });
  });

  it('reports a name that could continue the word in content', () => {
    expect(check({ content: 'coins', name: 'Coins' })).toBeUndefined();
    expect(check({ content: 'coins', name: 'coins' })).toEqual({ code: 'field-shape', field: 'name' });
    expect(check({ content: 'coin', name: 'sCoins' })).toEqual({ code: 'field-shape', field: 'name' });
  });

  it('reports an origin when nonce and origin split a documented origin elsewhere', () => {
    expect(check({ nonce: 'n-0001s', origin: 'urvey' })).toEqual({ code: 'field-shape', field: 'origin' });
    expect(check({ nonce: 'n-000', origin: '1survey' })).toEqual({ code: 'field-shape', field: 'origin' });
    expect(check({ nonce: 'survey', origin: 'other' })).toBeUndefined();
  });

  it.each([
    'user-123',
    REFERENCE.toLowerCase(),
    `${REFERENCE}0`,
    REFERENCE.slice(0, -1),
    `0${REFERENCE}`,
    `ku_${'I'.repeat(26)}`,
    '',
  ])('reports a user id that is not a reference when user references are opaque: %j', (user_id) => {
    expect(check({ user_id }, OPAQUE)).toEqual({ code: 'field-shape', field: 'user_id' });
  });

  it.each<[string, Partial<SignedFields>, object]>([
    ['a content that is not configured', { content: 'coins' }, { code: 'currency', field: 'content' }],
    [
      'a content that is a property of every object',
      { content: 'constructor' },
      { code: 'currency', field: 'content' },
    ],
    ['__proto__', { content: '__proto__' }, { code: 'currency', field: 'content' }],
    ['the name of another currency', { name: 'gem2' }, { code: 'currency', field: 'name' }],
    ['a name in another case', { name: 'coins' }, { code: 'currency', field: 'name' }],
    ['a quantity above the cap', { quantity: '1001' }, { code: 'cap', field: 'quantity' }],
    [
      'a content that is not configured, in an issuance',
      { content: 'coins', nonce: 'n' },
      { code: 'currency', field: 'content' },
    ],
    [
      'a quantity above the cap, in an issuance',
      { quantity: '1001', nonce: 'n' },
      { code: 'cap', field: 'quantity' },
    ],
    ['an empty content', { content: '' }, { code: 'field-shape', field: 'content' }],
    ['an empty name', { name: '' }, { code: 'field-shape', field: 'name' }],
    ['an empty quantity', { quantity: '' }, { code: 'field-shape', field: 'quantity' }],
  ])('reports %s when currencies are configured', (_fault, fields, violation) => {
    expect(check(fields, CONFIGURED)).toEqual(violation);
  });

  it('accepts a quantity equal to the cap', () => {
    expect(check({ quantity: '1000' }, CONFIGURED)).toBeUndefined();
  });
});

describe('splitSuffix', () => {
  it.each([
    ['n-0001survey', { nonce: 'n-0001', origin: 'survey' }],
    ['surveyother', { nonce: 'survey', origin: 'other' }],
    ['othersurvey', { nonce: 'other', origin: 'survey' }],
    ['n-0001install', { nonce: 'n-0001install', origin: '' }],
    ['survey', { nonce: 'survey', origin: '' }],
    ['n', undefined],
    ['', undefined],
    ['n\u0000survey', undefined],
    ['n'.repeat(513), undefined],
  ])('splits %.20j into nonce and origin if possible', (suffix, expected) => {
    expect(splitSuffix(suffix)).toEqual(expected);
  });
});

describe('isTestTransaction', () => {
  it('recognizes a test transaction by its prefix', () => {
    expect(isTestTransaction(`test_${TRANSACTION}`)).toBe(true);
    expect(isTestTransaction(TRANSACTION)).toBe(false);
  });
});
