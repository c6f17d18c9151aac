import { z } from 'zod';

export const ISSUED = 'kiip.currency.issued';

/** What a wallet needs of an event: the fields of the ledger row that say who gets what. */
const ISSUED_CURRENCY = z.object({
  user_id: z.string(),
  /** The currency; `name` is what people call it, and not every row has it. */
  content: z.string(),
  name: z.string().nullable(),
  quantity: z.int().min(1),
  test: z.boolean(),
});
const EVENT = z.object({ type: z.literal(ISSUED), data: ISSUED_CURRENCY });
const TEST_EVENT = z.object({ type: z.literal('gateway.test') });

export type IssuedCurrency = z.infer<typeof ISSUED_CURRENCY>;

/** The data of a `kiip.currency.issued` event; undefined when the text is not one. */
export function readIssued(text: string): IssuedCurrency | undefined {
  return EVENT.safeParse(parse(text)).data?.data;
}

/** Whether the text is the event that the gateway sends to try a consumer. */
export function isTestEvent(text: string): boolean {
  return TEST_EVENT.safeParse(parse(text)).success;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
