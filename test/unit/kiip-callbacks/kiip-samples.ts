import type { CallbackRules } from '../../../src/kiip-callbacks/field-rules.js';
import type { SignedFields } from '../../../src/kiip-callbacks/kiip-signature.js';

/** Invented ids in the shape of Kiip's, and the secret of the test vectors (docs/vendors/kiip.md, section 9). */
export const CONTENT = '7f3c2a10-0b1d-4c5e-8a9b-1234567890ab';
export const TRANSACTION = '5473ca54-59a5-cf65-d319-c91697297fcc';
export const SECRET = 'test_app_secret_0001';
export const REFERENCE = 'ku_01HZXW7Q0M4T9V2B6N8KJ5RCDE';

export const PLAIN: CallbackRules = { legacySignature: false, userReference: 'plain', currencies: undefined };
export const LEGACY: CallbackRules = { ...PLAIN, legacySignature: true };
export const OPAQUE: CallbackRules = { ...PLAIN, userReference: 'opaque' };
export const CONFIGURED: CallbackRules = {
  ...PLAIN,
  currencies: { [CONTENT]: { name: 'Coins', max_quantity: 1000 }, gems: { name: 'gem2', max_quantity: 5 } },
};

export const REDEMPTION = {
  content: CONTENT,
  name: 'Coins',
  quantity: '20',
  user_id: 'user-123',
  transaction_id: TRANSACTION,
} satisfies SignedFields;

export const ISSUANCE = {
  content: CONTENT,
  quantity: '20',
  user_id: 'user-123',
  transaction_id: TRANSACTION,
  nonce: 'n-0001',
  origin: 'survey',
} satisfies SignedFields;
