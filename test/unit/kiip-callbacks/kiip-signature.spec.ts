import type {
  IssuanceFields,
  KiipCallback,
  RedemptionFields,
} from '../../../src/kiip-callbacks/parse-callback.js';
import { signedText, verifySignature } from '../../../src/kiip-callbacks/kiip-signature.js';
import { CONTENT, ISSUANCE, REDEMPTION, SECRET, TRANSACTION } from './kiip-samples.js';

function redemption(fields: Partial<RedemptionFields>, signature: string | undefined): KiipCallback {
  return { kind: 'redemption', legacy: false, fields: { ...REDEMPTION, ...fields }, signature };
}

function legacyRedemption(transaction_id: string, signature: string): KiipCallback {
  const fields = { content: CONTENT, name: undefined, quantity: '20', user_id: 'user-123', transaction_id };
  return { kind: 'redemption', legacy: true, fields, signature };
}

function issuance(fields: Partial<IssuanceFields>, signature: string): KiipCallback {
  return { kind: 'issuance', fields: { ...ISSUANCE, ...fields }, signature };
}

const V1 = '4b0175324fc792e92f9b6024f43bf6545bb4c478';
const V2 = 'f58a3acbf1ca4d9af97596599167c0ff9c52d3e3';
const V3 = '3392d14d59913b113d26919e2ed1960907b77931';
const V4 = 'da7e80bdfa475e631090894febaeb27cafa86622';
const V6 = '21447f117671a05d6dbe24786394bacb961ce4ef';
const V7 = 'c9ed22f168b09ae9d5ad9679fce4daa3efed3410';

// The test vectors of docs/vendors/kiip.md, section 9. V5 to V8 are forgeries that the signature check cannot detect.
const VECTORS: readonly [vector: string, callback: KiipCallback, scheme: string][] = [
  ['V1, a redemption', redemption({}, V1), 'redemption'],
  ['V2, a redemption without name', legacyRedemption(TRANSACTION, V2), 'legacy-redemption'],
  ['V3, an issuance', issuance({}, V3), 'issuance'],
  [
    'V4, UTF-8 and a plus sign',
    redemption({ name: 'Münzen 金', user_id: 'user+1@example.com' }, V4),
    'redemption',
  ],
  [
    'V5, V3 with a moved boundary',
    issuance({ transaction_id: `${TRANSACTION}n`, nonce: '-0001' }, V3),
    'issuance',
  ],
  ['V6, name Gold1 and quantity 20', redemption({ name: 'Gold1', quantity: '20' }, V6), 'redemption'],
  ['V6, name Gold and quantity 120', redemption({ name: 'Gold', quantity: '120' }, V6), 'redemption'],
  ['V7, quantity 20 and user 5001', issuance({ quantity: '20', user_id: '5001' }, V7), 'issuance'],
  ['V7, quantity 205 and user 001', issuance({ quantity: '205', user_id: '001' }, V7), 'issuance'],
  ['V8, V3 as a legacy redemption', legacyRedemption(`${TRANSACTION}n-0001survey`, V3), 'legacy-redemption'],
];

describe('verifySignature', () => {
  it.each(VECTORS)(
    'returns the scheme and the secret of a valid signature: %s',
    (_vector, callback, scheme) => {
      expect(verifySignature(callback, [SECRET], true)).toEqual({ scheme, secretIndex: 1 });
    },
  );

  it.each(VECTORS)('rejects a signature made with another secret: %s', (_vector, callback) => {
    expect(verifySignature(callback, ['test_app_secret_0002'], true)).toBeUndefined();
  });

  it.each([
    ['missing', undefined],
    ['empty', ''],
    ['truncated', V1.slice(0, 39)],
    ['half as long', V1.slice(0, 20)],
    ['one character too long', `${V1}0`],
    ['repeated', V1 + V1],
    ['followed by a line feed', `${V1}\n`],
    ['preceded by a space', ` ${V1}`],
    ['not hexadecimal', V1.replace('4', 'g')],
    ['40 characters that are not digits', '=!'.repeat(20)],
    ['40 full-width digits', '４'.repeat(40)],
    ['40 zeros', '0'.repeat(40)],
    ['off by one digit at the front', `5${V1.slice(1)}`],
    ['off by one digit at the end', `${V1.slice(0, -1)}9`],
    ['the signature of another message', V3],
    ['prefixed with sha1=', `sha1=${V1}`],
  ])('rejects a signature that is %s', (_fault, signature) => {
    expect(verifySignature(redemption({}, signature), [SECRET], true)).toBeUndefined();
  });

  it.each([
    ['upper case', V1.toUpperCase()],
    ['mixed case', V1.slice(0, 20) + V1.slice(20).toUpperCase()],
  ])('accepts a signature in %s', (_case, signature) => {
    expect(verifySignature(redemption({}, signature), [SECRET], false)).toEqual({
      scheme: 'redemption',
      secretIndex: 1,
    });
  });

  it.each([
    ['content', { content: CONTENT.toUpperCase() }],
    ['name', { name: 'coins' }],
    ['quantity', { quantity: '21' }],
    ['quantity as another text', { quantity: '20.0' }],
    ['user_id', { user_id: 'user-124' }],
    ['user_id with a space', { user_id: 'user-123 ' }],
    ['transaction_id', { transaction_id: TRANSACTION.replace('5', '6') }],
  ])('rejects a callback with another %s than the signed one', (_field, fields) => {
    expect(verifySignature(redemption(fields, V1), [SECRET], false)).toBeUndefined();
  });

  it.each([
    [['old', SECRET, 'next'], 2],
    [['old', 'older', SECRET], 3],
    [[SECRET, SECRET], 1],
  ])('returns the position of the matching secret: %j', (secrets, secretIndex) => {
    expect(verifySignature(redemption({}, V1), secrets, false)).toEqual({
      scheme: 'redemption',
      secretIndex,
    });
  });

  it('rejects every signature without a secret', () => {
    expect(verifySignature(redemption({}, V1), [], true)).toBeUndefined();
  });

  it('rejects a signature made with an empty secret', () => {
    // The SHA-1 of the signed text of V1 without a secret.
    const unsalted = 'e648dc3405e639b4f49d7f87bd4ca690491e0fa2';
    expect(verifySignature(redemption({}, unsalted), [''], true)).toBeUndefined();
  });

  it('rejects a legacy signature while the legacy scheme is disabled', () => {
    expect(verifySignature(legacyRedemption(TRANSACTION, V2), [SECRET], false)).toBeUndefined();
    expect(verifySignature(redemption({}, V2), [SECRET], false)).toBeUndefined();
  });

  it('accepts a legacy signature of a callback with a name when the legacy scheme is enabled', () => {
    expect(verifySignature(redemption({}, V2), [SECRET], true)?.scheme).toBe('legacy-redemption');
  });

  it('rejects an issuance with the signature of a redemption', () => {
    expect(verifySignature(issuance({}, V2), [SECRET], true)).toBeUndefined();
  });
});

describe('signedText', () => {
  it('joins the fields in the order of each scheme without separators', () => {
    const fields = {
      content: 'c',
      name: 'n',
      quantity: 'q',
      user_id: 'u',
      transaction_id: 't',
      nonce: 'x',
      origin: 'o',
    };
    expect(signedText('redemption', fields)).toBe('cnqut');
    expect(signedText('legacy-redemption', fields)).toBe('cqut');
    expect(signedText('issuance', fields)).toBe('cqutxo');
  });
});
