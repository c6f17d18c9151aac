import { QUANTITY_FORMAT_NAMES, SIGNATURES, VARIANTS } from './callback-spec.js';
import type { BatchOptions, CallbackSpec } from './callback-spec.js';

/** Callbacks that leave together; a scenario is several rounds of them, each after the one before. */
export interface Round extends BatchOptions {
  callbacks: CallbackSpec[];
}

const again = (spec: CallbackSpec): Round => ({ callbacks: [{ copyOf: 'latest', ...spec }] });
const once = (spec: CallbackSpec): Round => ({ callbacks: [spec] });

/** Scripted sequences, each telling one story. */
export const SCENARIOS = {
  'same-twice': [once({}), again({})],
  'same-at-once': [{ callbacks: [{}], copies: 20, order: 'at-once' }],
  'same-id-other-payload': [once({}), again({ quantity: 500 }), again({ user_id: 'somebody-else' })],
  /** Pairs of callbacks that have the same signature and different fields (docs/vendors/kiip.md). */
  'moved-boundaries': [
    once({ kind: 'issuance', nonce: 'n-0001' }),
    again({ shift: { from: 'nonce', to: 'transaction_id' } }),
    once({ name: 'Gold1' }),
    again({ shift: { from: 'name', to: 'quantity' } }),
    once({ kind: 'issuance', user_id: '5001', nonce: 'n-0001' }),
    again({ shift: { from: 'user_id', to: 'quantity' } }),
    once({ kind: 'issuance', nonce: 'n-0001' }),
    again({ variant: 'issuance-as-redemption' }),
  ],
  signatures: SIGNATURES.map((signature) => once({ signature })),
  quantities: QUANTITY_FORMAT_NAMES.map((quantityFormat) => once({ type: 'json', quantityFormat })),
  data: VARIANTS.filter((variant) => variant !== 'issuance-as-redemption').map((variant) =>
    once({ variant }),
  ),
  /** The later events of a reward arrive before its redemption. */
  'out-of-order': [
    once({ kind: 'issuance', origin: 'purchase' }),
    again({ nonce: 'n-0002', origin: 'install' }),
    again({ kind: 'redemption' }),
  ],
} satisfies Record<string, Round[]>;

export type ScenarioName = keyof typeof SCENARIOS;
