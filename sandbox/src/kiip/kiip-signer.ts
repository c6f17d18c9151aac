import { createHash } from 'node:crypto';

/** The texts that a callback's signature covers, as they are sent. */
export interface SignedTexts {
  content: string;
  name: string;
  quantity: string;
  user_id: string;
  transaction_id: string;
  nonce: string;
  origin: string;
}

export type Formula = 'redemption' | 'legacy' | 'issuance';

// The order of the signed fields in each formula (docs/vendors/kiip.md).
const ORDER: Record<Formula, (keyof SignedTexts)[]> = {
  redemption: ['content', 'name', 'quantity', 'user_id', 'transaction_id'],
  legacy: ['content', 'quantity', 'user_id', 'transaction_id'],
  issuance: ['content', 'quantity', 'user_id', 'transaction_id', 'nonce', 'origin'],
};

/** SHA-1 over the texts and the secret, with nothing between them: 40 lower-case hexadecimal digits. */
export function kiipSignature(formula: Formula, texts: Partial<SignedTexts>, secret: string): string {
  const signed = ORDER[formula].map((name) => texts[name] ?? '');
  return createHash('sha1')
    .update([...signed, secret].join(''), 'utf8')
    .digest('hex');
}
