import type { SignatureScheme, SignedFields } from '../../../src/kiip-callbacks/kiip-signature.js';

/** What a callback would do if it were credited. */
export interface Cut {
  readonly scheme: SignatureScheme;
  readonly fields: SignedFields;
}

/** The order in which each formula signs the fields (docs/vendors/kiip.md, section 7). */
const ORDERS: Readonly<Record<SignatureScheme, readonly (keyof SignedFields)[]>> = {
  redemption: ['content', 'name', 'quantity', 'user_id', 'transaction_id'],
  'legacy-redemption': ['content', 'quantity', 'user_id', 'transaction_id'],
  issuance: ['content', 'quantity', 'user_id', 'transaction_id', 'nonce', 'origin'],
};

export function textOfCut({ scheme, fields }: Cut): string {
  return ORDERS[scheme].map((name) => fields[name] ?? '').join('');
}

/**
 * Every way to cut a text into the fields of a formula, whatever the fields are. It leaves out only what cannot be credited for other
 * reasons: cuts whose transaction is none of the given ones, and quantities that are no number.
 */
export function* everyCut(text: string, transactions: readonly string[]): Generator<Cut> {
  for (const scheme of Object.keys(ORDERS) as SignatureScheme[]) {
    for (const transaction_id of transactions) {
      for (
        let start = text.indexOf(transaction_id);
        start >= 0;
        start = text.indexOf(transaction_id, start + 1)
      ) {
        const suffixes = [...splits(text.slice(start + transaction_id.length), suffixOf(scheme))];
        for (const [prefix, quantity, user_id] of numbers(text.slice(0, start)))
          for (const before of splits(prefix, prefixOf(scheme)))
            for (const after of suffixes)
              yield {
                scheme,
                fields: { quantity, user_id, transaction_id, ...before, ...after } as unknown as SignedFields,
              };
      }
    }
  }
}

function prefixOf(scheme: SignatureScheme): (keyof SignedFields)[] {
  return ORDERS[scheme].slice(0, ORDERS[scheme].indexOf('quantity'));
}

function suffixOf(scheme: SignatureScheme): (keyof SignedFields)[] {
  return ORDERS[scheme].slice(ORDERS[scheme].indexOf('transaction_id') + 1);
}

/** Every number in a text, with the text in front of it and behind it. */
function* numbers(text: string): Generator<[string, string, string]> {
  for (let start = 0; start < text.length; start += 1)
    for (let end = start + 1; end <= text.length && /[0-9]/.test(text.charAt(end - 1)); end += 1)
      yield [text.slice(0, start), text.slice(start, end), text.slice(end)];
}

/** Every way to split a text into so many fields, empty ones included. */
function* splits(text: string, names: readonly string[]): Generator<Record<string, string>> {
  const [name, ...others] = names;
  if (name === undefined) {
    if (text === '') yield {};
    return;
  }
  if (others.length === 0) {
    yield { [name]: text };
    return;
  }
  for (let at = 0; at <= text.length; at += 1)
    for (const rest of splits(text.slice(at), others)) yield { [name]: text.slice(0, at), ...rest };
}
