import * as fc from 'fast-check';

import { findViolation } from '../../../src/kiip-callbacks/field-rules.js';
import type { CallbackRules } from '../../../src/kiip-callbacks/field-rules.js';
import { findAlternativeParses, MAX_PARSES } from '../../../src/kiip-callbacks/alternative-parses.js';
import type { SignedTextParse } from '../../../src/kiip-callbacks/alternative-parses.js';
import { signedText } from '../../../src/kiip-callbacks/kiip-signature.js';
import type { SignatureScheme, SignedFields } from '../../../src/kiip-callbacks/kiip-signature.js';
import { mintUserReference } from '../../../src/user-references/user-reference.js';
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
import { parseKey, naiveParses } from './naive-parses.js';
import { scale } from '../../support/scale.js';

/** Finds the alternative parses of a callback by user id. */
function alternativesByUser(
  scheme: SignatureScheme,
  fields: SignedFields,
  rules: CallbackRules,
): Map<string, readonly SignedTextParse[]> {
  const found = findAlternativeParses(scheme, fields, rules);
  if (!found.exhaustive) throw new Error('too many parses to prove anything');
  return new Map(found.byUser);
}

const NO_FIELDS = { content: '', quantity: '', user_id: '', transaction_id: '' };

/** Finds all parses of a text, from the fields of a callback that is not one of them. */
function parsesOf(text: string, rules: CallbackRules): SignedTextParse[] {
  const fields = { content: text, name: '', quantity: '', user_id: '', transaction_id: '' };
  return [...alternativesByUser('redemption', fields, rules).values()].flat();
}

/** The user ids of an issuance whose content ends within the sample content. */
const USER_PREFIXES = ['c2a10', 'a10', '0', ''].map((rest) => `${rest}-0b1d-4c5e-8a9b-1234567890ab`);

describe('findAlternativeParses', () => {
  it.each<[string, SignatureScheme, SignedFields, CallbackRules, string[]]>([
    ['V1', 'redemption', REDEMPTION, PLAIN, ['0user-123', '3', '23']],
    ['V1, currencies configured', 'redemption', REDEMPTION, CONFIGURED, ['0user-123']],
    ['V1 with a reference', 'redemption', { ...REDEMPTION, user_id: REFERENCE }, OPAQUE, []],
    ['V3 with a reference', 'issuance', { ...ISSUANCE, user_id: REFERENCE }, OPAQUE, []],
    ['V3', 'issuance', ISSUANCE, PLAIN, [...USER_PREFIXES.map((user) => `${user}20user-123`), '0user-123']],
    [
      'V7, 20 and 5001',
      'issuance',
      { ...ISSUANCE, user_id: '5001' },
      PLAIN,
      [...USER_PREFIXES.map((user) => `${user}205001`), '05001', '001', '01', '1'],
    ],
    [
      'V7, 205 and 001',
      'issuance',
      { ...ISSUANCE, quantity: '205', user_id: '001' },
      PLAIN,
      [...USER_PREFIXES.map((user) => `${user}205001`), '05001', '5001', '01', '1'],
    ],
    ['a quantity of one digit', 'redemption', { ...REDEMPTION, quantity: '5', user_id: 'alice' }, PLAIN, []],
    [
      'a test transaction',
      'redemption',
      { ...REDEMPTION, quantity: '5', user_id: 'alice', transaction_id: `test_${TRANSACTION}` },
      PLAIN,
      ['alicetest_'],
    ],
  ])(
    'finds the other users that a signed text could belong to: %s',
    (_text, scheme, fields, rules, users) => {
      expect([...alternativesByUser(scheme, fields, rules).keys()].toSorted()).toEqual(users.toSorted());
    },
  );

  it.each<[string, SignatureScheme, SignedFields, CallbackRules, SignatureScheme, SignedFields]>([
    [
      'V5',
      'issuance',
      { ...ISSUANCE, transaction_id: `${TRANSACTION}n`, nonce: '-0001' },
      PLAIN,
      'issuance',
      ISSUANCE,
    ],
    [
      'V6, name Gold1 and quantity 20',
      'redemption',
      { ...REDEMPTION, name: 'Gold1' },
      PLAIN,
      'redemption',
      { ...REDEMPTION, name: 'Gold', quantity: '120' },
    ],
    [
      'V8',
      'legacy-redemption',
      { ...REDEMPTION, name: undefined, transaction_id: `${TRANSACTION}n-0001survey` },
      LEGACY,
      'issuance',
      ISSUANCE,
    ],
    [
      'a truncated documented origin',
      'issuance',
      { ...ISSUANCE, nonce: 'n-0001s', origin: 'urvey' },
      PLAIN,
      'issuance',
      ISSUANCE,
    ],
    [
      'a name moved into the content',
      'redemption',
      { ...REDEMPTION, content: `${CONTENT}C`, name: 'oins' },
      PLAIN,
      'redemption',
      REDEMPTION,
    ],
    [
      'an empty name',
      'redemption',
      { ...REDEMPTION, name: '' },
      LEGACY,
      'legacy-redemption',
      { ...REDEMPTION, name: undefined },
    ],
  ])(
    'finds the genuine callback of the same user from a forged one: %s',
    (_forgery, scheme, arrived, rules, genuineScheme, genuine) => {
      expect(signedText(scheme, arrived)).toBe(signedText(genuineScheme, genuine));
      expect(alternativesByUser(scheme, arrived, rules).get('user-123')).toContainEqual({
        name: undefined,
        nonce: undefined,
        origin: undefined,
        ...genuine,
        scheme: genuineScheme,
      });
    },
  );

  it('treats all splits of nonce and origin without a documented origin as one parse', () => {
    const fields = { ...ISSUANCE, user_id: REFERENCE };
    expect(alternativesByUser('issuance', { ...fields, origin: 'install' }, OPAQUE).size).toBe(0);
    expect(
      alternativesByUser('issuance', { ...fields, nonce: 'n-0001i', origin: 'nstall' }, OPAQUE).size,
    ).toBe(0);
  });

  it('excludes the parse that arrived under the legacy scheme, with or without a name', () => {
    expect(
      alternativesByUser(
        'legacy-redemption',
        { ...REDEMPTION, user_id: REFERENCE },
        { ...OPAQUE, legacySignature: true },
      ).size,
    ).toBe(0);
  });

  it('ignores a scheme that is not enabled', () => {
    const text = `${CONTENT}20alice${TRANSACTION}`;
    expect(parsesOf(text, PLAIN).map(({ scheme }) => scheme)).not.toContain('legacy-redemption');
    expect(parsesOf(text, LEGACY).map(({ scheme }) => scheme)).toContain('legacy-redemption');
  });

  it('includes parses above the cap, which may be genuine, and excludes currencies that are not configured', () => {
    const text = `${CONTENT}Coins20005001${TRANSACTION}`;
    expect(
      parsesOf(text, CONFIGURED)
        .map(({ quantity }) => quantity)
        .toSorted(),
    ).toEqual(['2', '20', '200', '2000', '20005', '200050', '2000500']);
    expect(parsesOf(text.replace('Coins', 'Coin'), CONFIGURED)).toEqual([]);
  });

  it('finds both parses when the texts of two configured currencies are equal', () => {
    const currencies = { coin: { name: 'sX', max_quantity: 9 }, coins: { name: 'X', max_quantity: 9 } };
    const found = parsesOf(`coinsX5alice${TRANSACTION}`, { ...PLAIN, currencies });
    expect(found.map(({ content, name, user_id }) => [content, name, user_id])).toEqual([
      ['coin', 'sX', 'alice'],
      ['coins', 'X', 'alice'],
    ]);
  });

  it('never splits a surrogate pair', () => {
    const found = parsesOf(`${CONTENT}😀5😀1😀${TRANSACTION}`, PLAIN);
    expect(found.map(({ name, quantity, user_id }) => [name, quantity, user_id])).toEqual([
      ['😀5😀', '1', '😀'],
      ['😀', '5', '😀1😀'],
    ]);
  });
});

/** Counts the ways to split a text into pieces that each match their rule, by memoised recursion. */
function countSplits(text: string, rules: readonly RegExp[]): number {
  const memo = new Map<string, number>();
  const from = (start: number, rule: number): number => {
    const key = `${start} ${rule}`;
    const known = memo.get(key);
    if (known !== undefined) return known;
    let sum = rule === rules.length && start === text.length ? 1 : 0;
    for (let end = start; rule < rules.length && end <= text.length; end += 1) {
      if (rules[rule]?.test(text.slice(start, end))) sum += from(end, rule + 1);
    }
    memo.set(key, sum);
    return sum;
  };
  return from(0, 0);
}

// In all texts content and transaction are ids, the name is Gems and the quantity is 20.
describe('the number of parses of a redemption text', () => {
  const ANY = /^.*$/s;
  const SOME = /^.+$/s;
  const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
  const CANONICAL = /^[1-9]\d{0,8}$/;
  const USERS = { digits: '1000427', word: 'alice', 'e-mail': 'alice@example.com', reference: REFERENCE };
  const CURRENCIES = { [CONTENT]: { name: 'Gems', max_quantity: 999_999_999 } };

  it.each<[string, readonly RegExp[], readonly number[]]>([
    ['no rules', [ANY, ANY, ANY, ANY, ANY], [2_441_626, 2_225_895]],
    ['canonical quantity, transaction an id', [ID, SOME, CANONICAL, SOME, ID], [17, 2]],
    ['the configured name', [ID, /^Gems$/, CANONICAL, SOME, ID], [8, 2]],
  ])('is as expected by an independent counter: %s', (_rules, rules, figures) => {
    const texts = [USERS.digits, USERS.word].map((user) => `${CONTENT}Gems20${user}${TRANSACTION}`);
    expect(texts.map((text) => countSplits(text, rules))).toEqual(figures);
  });

  it.each<[keyof typeof USERS, 'plain' | 'opaque', number]>([
    ['digits', 'plain', 8],
    ['word', 'plain', 2],
    ['e-mail', 'plain', 2],
    ['reference', 'plain', 2],
    ['digits', 'opaque', 0],
    ['word', 'opaque', 0],
    ['e-mail', 'opaque', 0],
    ['reference', 'opaque', 1],
  ])(
    'is as expected by findAlternativeParses: user id of kind %s where user ids are %s',
    (user, userReference, figure) => {
      const rules: CallbackRules = { legacySignature: false, userReference, currencies: CURRENCIES };
      expect(parsesOf(`${CONTENT}Gems20${USERS[user]}${TRANSACTION}`, rules)).toHaveLength(figure);
    },
  );

  it('is zero for the text of an issuance', () => {
    const text = signedText('issuance', { ...ISSUANCE, user_id: 'alice' });
    const schemes = parsesOf(text, { ...PLAIN, currencies: CURRENCIES }).map(({ scheme }) => scheme);
    expect(new Set(schemes)).toEqual(new Set(['issuance']));
  });
});

describe('findAlternativeParses compared to a brute-force search', () => {
  const chunk = fc.constantFrom(
    '0',
    '1',
    '20',
    '120',
    'a',
    'f',
    'G',
    ' ',
    '-',
    '_',
    '😀',
    '\u0007',
    'coins',
    'Coins',
    'user-',
    'survey',
    'other',
    'install',
    'test_',
    'test_',
    TRANSACTION,
    TRANSACTION,
    TRANSACTION.toUpperCase(),
    CONTENT,
    CONTENT.slice(0, 20),
    CONTENT.slice(20),
    REFERENCE,
    `20${REFERENCE}${TRANSACTION}`,
  );
  const shaped = fc
    .tuple(
      fc.constantFrom(CONTENT, 'coins', ''),
      fc.oneof(fc.array(chunk, { maxLength: 1 }), fc.array(chunk, { maxLength: 6 })),
      fc.constantFrom('', 'test_', REFERENCE, `20${REFERENCE}`, `C120${REFERENCE}`),
      fc.array(chunk, { maxLength: 2 }),
    )
    .map(([content, middle, prefix, tail]) => [content, ...middle, prefix, TRANSACTION, ...tail].join(''));
  const loose = fc.array(chunk, { maxLength: 8 }).map((chunks) => chunks.join(''));
  const text = fc
    .oneof({ arbitrary: shaped, weight: 4 }, { arbitrary: loose, weight: 1 })
    .filter((all) => all.length <= 130);

  // Only a word in front of the first hyphen, or a whole id, can be a content where a text begins like an id in lower case.
  it.each([
    'abCDef12-0Coins20user-1',
    'abcdefa1-7user',
    'abcdef12-7user',
    'abcdef12-gold20user',
    `${CONTENT.slice(0, 20)}20user-1`,
    `${CONTENT}20user-1`,
    `${CONTENT}Coins20user-1`,
    `${CONTENT.toUpperCase()}Coins20user-1`,
    `😀${CONTENT}Coins20user-1`,
  ])('finds the same parses of a text that begins like an id: %s', (beginning) => {
    const text = beginning + TRANSACTION;
    const found = parsesOf(text, LEGACY).map((parse) => parseKey(parse.scheme, parse));
    expect(new Set(found)).toEqual(naiveParses(text, LEGACY));
  });

  const currencies = { [CONTENT]: { name: 'Coins' }, coins: { name: '0G' }, '😀1': { name: 'coins' } };
  it.each<[string, CallbackRules]>([
    ['plain ids', PLAIN],
    ['plain ids and the legacy scheme', LEGACY],
    ['references and the legacy scheme', { ...OPAQUE, legacySignature: true }],
    ['configured currencies and the legacy scheme', { ...LEGACY, currencies }],
    ['configured currencies and references', { ...OPAQUE, currencies }],
  ])('finds the same parses: %s', (_rules, rules) => {
    let parseCount = 0;
    fc.assert(
      fc.property(text, (all) => {
        const found = parsesOf(all, rules).map((parse) => parseKey(parse.scheme, parse));
        parseCount += found.length;
        expect(found.toSorted()).toEqual([...naiveParses(all, rules)].toSorted());
      }),
      {
        numRuns: scale(20, 100),
        examples: [
          ...[REFERENCE, 'user-'].map((user) => [`${CONTENT}Coins20${user}${TRANSACTION}`] as [string]),
          // A quantity that begins with a zero, a name and a content that end in a digit, and a user id that may be too long.
          [`coins05user-${TRANSACTION}`],
          [`coins0G20${REFERENCE}${TRANSACTION}`],
          [`😀120user-${TRANSACTION}Gother`],
          ...[255, 256].map((length) => [`coins0G20${'x'.repeat(length)}${TRANSACTION}`] as [string]),
        ],
      },
    );
    // The examples have some, whatever the seed.
    expect(parseCount).toBeGreaterThan(0);
  });
});

describe('findViolation and findAlternativeParses for random genuine callbacks', () => {
  const hex = fc.constantFrom(...'0123456789abcdef'.split(''));
  const id = fc
    .array(hex, { minLength: 32, maxLength: 32 })
    .map((digits) => digits.join('').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'));
  const opaque = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    .filter((all) => /^[^\p{Cc}\p{Cs}]+$/u.test(all));
  const name = opaque.filter((all) => !/[0-9]$/.test(all));
  const content = fc.oneof(
    { arbitrary: id, weight: 3 },
    { arbitrary: fc.constantFrom('coins', 'gold_2.bar', 'a'), weight: 1 },
  );
  const quantity = fc
    .oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 999_999_999 }))
    .map(String);
  const transaction_id = fc.tuple(fc.constantFrom('', '', 'test_'), id).map((parts) => parts.join(''));
  const reference = fc.constant(0).map(mintUserReference);
  const plain = fc.oneof(
    opaque,
    id,
    fc.integer({ min: 0 }).map(String),
    fc.constantFrom('alice', 'user-123'),
  );
  const documented = fc.constantFrom('survey', 'other');
  const anyOrigin = fc.oneof(documented, fc.constantFrom('install', 'app_purchase', 'video'));

  interface Genuine {
    readonly scheme: SignatureScheme;
    readonly fields: SignedFields;
  }

  function genuine(
    user_id: fc.Arbitrary<string>,
    origin: fc.Arbitrary<string>,
    schemes: readonly SignatureScheme[],
  ) {
    const common = { content, quantity, user_id, transaction_id };
    const byScheme: Record<SignatureScheme, fc.Arbitrary<Genuine>> = {
      redemption: fc.record({ ...common, name }).map((fields) => {
        // A content that is a word ends at the first character that words cannot contain.
        const separateName = fields.content.length === 36 ? fields.name : `C${fields.name}`;
        return { scheme: 'redemption', fields: { ...fields, name: separateName } };
      }),
      'legacy-redemption': fc.record(common).map((fields) => ({ scheme: 'legacy-redemption', fields })),
      issuance: fc
        .record({ ...common, nonce: fc.oneof(opaque, id), origin })
        .map((fields) => ({ scheme: 'issuance', fields })),
    };
    return fc.oneof(...schemes.map((scheme) => byScheme[scheme]));
  }

  const ALL = ['redemption', 'legacy-redemption', 'issuance'] as const;
  const OPAQUE_LEGACY = { ...OPAQUE, legacySignature: true };

  it('find no violation in a genuine callback', () => {
    fc.assert(
      fc.property(genuine(plain, anyOrigin, ALL), ({ scheme, fields }) => {
        expect(findViolation(scheme, fields, LEGACY)).toBeUndefined();
      }),
      { numRuns: scale(60, 1_000) },
    );
  });

  it.each(ALL)('find exactly one parse of a genuine callback with a user reference: %s', (scheme) => {
    fc.assert(
      fc.property(genuine(reference, anyOrigin, [scheme]), ({ fields }) => {
        expect(findViolation(scheme, fields, OPAQUE_LEGACY)).toBeUndefined();
        expect(alternativesByUser(scheme, fields, OPAQUE_LEGACY).size).toBe(0);
        expect(parsesOf(signedText(scheme, fields), OPAQUE_LEGACY)).toHaveLength(1);
      }),
      { numRuns: scale(60, 1_000) },
    );
  });

  it.each(ALL)(
    'find no alternative parse of a genuine callback with a user reference and configured currencies: %s',
    (scheme) => {
      fc.assert(
        fc.property(genuine(reference, anyOrigin, [scheme]), ({ fields }) => {
          const currencies = {
            [fields.content]: { name: fields.name ?? 'Coins', max_quantity: 999_999_999 },
          };
          expect(alternativesByUser(scheme, fields, { ...OPAQUE_LEGACY, currencies }).size).toBe(0);
        }),
        { numRuns: scale(30, 300) },
      );
    },
  );

  const FIELDS: Record<SignatureScheme, readonly (keyof SignedFields)[]> = {
    redemption: ['content', 'name', 'quantity', 'user_id', 'transaction_id'],
    'legacy-redemption': ['content', 'quantity', 'user_id', 'transaction_id'],
    issuance: ['content', 'quantity', 'user_id', 'transaction_id', 'nonce', 'origin'],
  };

  /** Describes another split of a text: each boundary is near a genuine one, or anywhere. */
  interface Split {
    readonly as: SignatureScheme;
    readonly steps: readonly number[];
    readonly anywhere: readonly number[] | undefined;
  }

  const split: fc.Arbitrary<Split> = fc.record({
    as: fc.constantFrom(...ALL),
    steps: fc.oneof(
      fc.array(fc.constantFrom(0, 0, 0, -1, 1, -2, 2, 5), { minLength: 5, maxLength: 5 }),
      fc
        .tuple(fc.nat(4), fc.integer({ min: -5, max: 5 }))
        .map(([moved, by]) => [0, 1, 2, 3, 4].map((at) => (at === moved ? by : 0))),
    ),
    anywhere: fc.oneof(
      { arbitrary: fc.constant(undefined), weight: 4 },
      { arbitrary: fc.array(fc.nat(1_000), { minLength: 5, maxLength: 5 }), weight: 1 },
    ),
  });

  function splitDifferently({ scheme, fields }: Genuine, { as, steps, anywhere }: Split): SignedFields {
    const characters = Array.from(signedText(scheme, fields));
    const lengths = FIELDS[scheme].map((field) => Array.from(fields[field] ?? '').length);
    const names = FIELDS[as];
    const boundaries = names.slice(1).map((_name, index) => {
      const near = lengths.slice(0, index + 1).reduce((sum, length) => sum + length, 0) + (steps[index] ?? 0);
      return anywhere === undefined ? near : Math.round(((anywhere[index] ?? 0) * characters.length) / 1_000);
    });
    const ordered = [
      0,
      ...boundaries.map((at) => Math.min(Math.max(at, 0), characters.length)),
      characters.length,
    ].toSorted((a, b) => a - b);
    const pieces = names.map((name, index) => [
      name,
      characters.slice(ordered[index], ordered[index + 1]).join(''),
    ]);
    return { ...NO_FIELDS, ...Object.fromEntries(pieces) };
  }

  it('find the genuine parse from any other split of its signed text', () => {
    let splitCount = 0;
    let withoutViolation = 0;
    fc.assert(
      fc.property(
        genuine(plain, documented, ALL),
        fc.array(split, { minLength: 40, maxLength: 40 }),
        (original, splits) => {
          const key = parseKey(original.scheme, original.fields);
          for (const one of splits) {
            const arrived = splitDifferently(original, one);
            if (parseKey(one.as, arrived) === key) continue;
            splitCount += 1;
            if (findViolation(one.as, arrived, LEGACY) === undefined) withoutViolation += 1;
            const ofUser = alternativesByUser(one.as, arrived, LEGACY).get(original.fields.user_id) ?? [];
            expect(ofUser.map((parse) => parseKey(parse.scheme, parse))).toContain(key);
          }
        },
      ),
      { numRuns: scale(30, 300) },
    );
    expect(splitCount).toBeGreaterThan(scale(1_000, 10_000));
    // Most splits violate a field rule. The others would be recorded if the alternative parses were not found.
    expect(withoutViolation).toBeGreaterThan(scale(5, 50));
  });
});

describe('findAlternativeParses with hostile texts', () => {
  const overlapping = '12345678-1234-1234-1234-1234';
  const word = 'a1'.repeat(100);
  const TEXTS: readonly [string, string][] = [
    ['16 KiB of one character', 'a'.repeat(16_384)],
    ['16 KiB of digits', '1'.repeat(16_384)],
    ['16 KiB of ids', TRANSACTION.repeat(455)],
    ['16 KiB of dashes and digits', '12345678-1234-'.repeat(1_170)],
    ['16 KiB of surrogate pairs', '😀'.repeat(8_192)],
    ['16 KiB of digits and an id', '1'.repeat(16_348) + TRANSACTION],
    ['digits and an id, as long as a text can be', '1'.repeat(1_038) + TRANSACTION],
    ['a word, digits and an id', `${'a'.repeat(256)}${'1'.repeat(500)}${TRANSACTION}`],
    ['ids that overlap', `${word}${overlapping.repeat(20)}12345678`],
    [
      'characters and digits in turn and ids that overlap',
      `${'a1'.repeat(250)}${overlapping.repeat(18)}12345678`,
    ],
    ['test ids in a row', `${word}${`test_${TRANSACTION}`.repeat(12)}ab`],
    ['surrogate pairs and digits in turn', `${CONTENT}${'😀1'.repeat(250)}${TRANSACTION}`],
  ];

  it.each(TEXTS)('does little work: %s', (_kind, text) => {
    for (const rules of [LEGACY, { ...OPAQUE, legacySignature: true }, CONFIGURED]) {
      const fields = { content: text, name: '', quantity: '', user_id: '', transaction_id: '' };
      const found = findAlternativeParses('redemption', fields, rules);
      expect(found.tried).toBeLessThan(20_000);
      const parseCount = found.exhaustive ? [...found.byUser.values()].flat().length : MAX_PARSES + 1;
      expect(parseCount).toBeLessThanOrEqual(MAX_PARSES + 1);
    }
  });

  it('finds no parse and does no work for a text longer than all fields together', () => {
    const fields = { ...REDEMPTION, name: 'N'.repeat(2_000) };
    expect(findAlternativeParses('redemption', fields, PLAIN)).toEqual({
      exhaustive: true,
      byUser: new Map(),
      tried: 0,
    });
  });

  it('parses a text as long as all fields together', () => {
    const longest = '😀'.repeat(256);
    const fields = {
      content: longest,
      quantity: '999999999',
      user_id: longest,
      transaction_id: `test_${TRANSACTION}`,
      nonce: longest,
      origin: longest,
    };
    const found = parsesOf(signedText('issuance', fields), PLAIN);
    expect(found).toContainEqual({
      scheme: 'issuance',
      ...fields,
      name: undefined,
      nonce: longest + longest,
      origin: '',
    });
  });

  it('reports a search as not exhaustive when there are too many parses', () => {
    const fields = { ...REDEMPTION, content: `${word}${overlapping.repeat(18)}12345678ab` };
    expect(
      findAlternativeParses(
        'redemption',
        { ...fields, name: '', quantity: '', user_id: '', transaction_id: '' },
        PLAIN,
      ),
    ).toMatchObject({
      exhaustive: false,
    });
  });
});
