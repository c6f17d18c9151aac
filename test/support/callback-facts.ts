import { createHash } from 'node:crypto';
import type { VerifiedCallbackFields } from '../../src/ledger/ledger-entry.js';

const SECRET = 'test_app_secret_0001';

/** Builds a genuine issuance with the given fields. Signature and signed text are computed from the fields. */
export function issuance(given: Partial<VerifiedCallbackFields> = {}): VerifiedCallbackFields {
  return signed({
    kind: 'issuance',
    transactionId: '5473ca54-59a5-cf65-d319-c91697297fcc',
    content: 'coins',
    name: null,
    quantity: '20',
    userId: 'user-123',
    userReference: null,
    nonce: 'n-0001',
    origin: 'survey',
    isTest: false,
    receivedAt: new Date('2026-01-02T03:04:05.678Z'),
    signatureScheme: 'issuance',
    secretIndex: 1,
    ...given,
  });
}

export function redemption(given: Partial<VerifiedCallbackFields> = {}): VerifiedCallbackFields {
  return issuance({
    kind: 'redemption',
    name: 'Coins',
    nonce: null,
    origin: null,
    signatureScheme: 'redemption',
    ...given,
  });
}

function signed(
  fields: Omit<VerifiedCallbackFields, 'signature' | 'signedText'> & Partial<VerifiedCallbackFields>,
): VerifiedCallbackFields {
  const { content, name, quantity, userId, userReference, transactionId, nonce, origin } = fields;
  const signedText = [content, name, quantity, userReference ?? userId, transactionId, nonce, origin].join(
    '',
  );
  const signature = createHash('sha1')
    .update(signedText + SECRET)
    .digest('hex');
  return { signedText, signature, ...fields };
}
