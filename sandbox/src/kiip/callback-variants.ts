import type { CallbackPlan } from './callback-message.js';
import type { CallbackVariant } from './callback-spec.js';
import type { KiipIds } from './kiip-ids.js';

/** What each variant changes about a callback. */
export const CALLBACK_VARIANTS: Record<CallbackVariant, (plan: CallbackPlan, ids: KiipIds) => CallbackPlan> =
  {
    'unknown-user': (plan) => withFields(plan, { user_id: 'nobody-here' }),
    'unknown-currency': (plan) => withFields(plan, { content: 'unknown-currency' }),
    'wrong-name': (plan) => withFields(plan, { name: 'Gems' }),
    'test-transaction': (plan) =>
      withFields(plan, { transaction_id: `test_${String(plan.fields.transaction_id)}` }),
    'hex24-transaction': (plan, ids) => withFields(plan, { transaction_id: ids.hex(24) }),
    unicode: (plan) =>
      withFields(plan, {
        user_id: 'user+1@example.com',
        ...(plan.kind === 'redemption' ? { name: 'Münzen 金' } : { origin: 'Umfrage & 金' }),
      }),
    'extra-fields': (plan) => ({ ...plan, extra: { ...plan.extra, campaign: 'spring & summer', score: 7 } }),
    'repeated-key': (plan) => ({ ...plan, duplicateFields: { ...plan.duplicateFields, quantity: '500' } }),
    'both-formats': (plan, ids) =>
      withFields(plan, { name: 'Coins', nonce: `n-${ids.hex(8)}`, origin: 'survey', ...plan.fields }),
    'neither-format': (plan) => ({
      ...plan,
      kind: 'redemption',
      signature: plan.signature === 'valid' ? 'legacy' : plan.signature,
      fields: { ...plan.fields, name: null, nonce: null, origin: null },
    }),
    // Both formats sign the same string here, split at other places (docs/vendors/kiip.md).
    'issuance-as-redemption': (plan) => {
      const { transaction_id = '', nonce = '', origin = '' } = plan.fields;
      const long = [transaction_id, nonce, origin].map((part) => String(part ?? '')).join('');
      return {
        ...plan,
        kind: 'redemption',
        signature: 'legacy',
        fields: { ...plan.fields, transaction_id: long, name: null, nonce: null, origin: null },
      };
    },
  };

function withFields(plan: CallbackPlan, fields: CallbackPlan['fields']): CallbackPlan {
  return { ...plan, fields: { ...plan.fields, ...fields } };
}
