import { isObject } from '../server/check.js';

export const ISSUED = 'kiip.currency.issued';

/** What a wallet needs of an event: the fields of the ledger row that say who gets what. */
export interface IssuedCurrency {
  user_id: string;
  /** The currency; `name` is what people call it, and not every row has it. */
  content: string;
  name: string | null;
  quantity: number;
  test: boolean;
}

/** The data of a `kiip.currency.issued` event; undefined when the text is none. */
export function readIssued(text: string): IssuedCurrency | undefined {
  let event: unknown;
  try {
    event = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(event) || event['type'] !== ISSUED || !isObject(event['data'])) return undefined;
  const { user_id, content, name, quantity, test } = event['data'];
  const readable =
    typeof user_id === 'string' &&
    typeof content === 'string' &&
    (typeof name === 'string' || name === null) &&
    Number.isSafeInteger(quantity) &&
    Number(quantity) > 0 &&
    typeof test === 'boolean';
  return readable ? { user_id, content, name, quantity: Number(quantity), test } : undefined;
}
