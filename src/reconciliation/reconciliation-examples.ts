import { DELIVERY_EXAMPLE } from '../delivery/delivery-examples.js';
import { ISSUANCE_EXAMPLE } from '../ledger/issuances.dto.js';

const { received_at: RECEIVED_AT } = ISSUANCE_EXAMPLE;
const DELIVERED_AT = '2026-01-31T12:00:00.031Z';
/** A delivered entry in the API description. */
export const ISSUANCE_HISTORY_EXAMPLE = {
  ...ISSUANCE_EXAMPLE,
  verification: {
    formula: 'redemption',
    secret: 'secret-1',
    quantity_text: '20',
    decided_at: null,
    decided_by: null,
    decision_request_id: null,
    duplicates: 0,
    promise: {
      user_id: 'user-123',
      reward_id: ISSUANCE_EXAMPLE.transaction_id,
      moment_id: 'CgkIraKVsdIBEAIQEA',
      quantity: '20',
      promised_at: '2026-01-31T11:59:30.000Z',
    },
    readings: [],
    readings_complete: true,
  },
  deliveries: [{ ...DELIVERY_EXAMPLE, status: 'delivered', attempts: 1, last_status: 200 }],
  timeline: [
    { at: RECEIVED_AT, event: 'received' },
    { at: RECEIVED_AT, event: 'verified', detail: 'redemption' },
    { at: '2026-01-31T12:00:00.004Z', event: 'committed' },
    {
      at: '2026-01-31T12:00:00.019Z',
      event: 'attempted',
      consumer: 'wallet',
      status: 200,
      duration_ms: 12,
      detail: 'accepted',
    },
    { at: DELIVERED_AT, event: 'delivered', consumer: 'wallet' },
  ],
};

export const RECONCILIATION_EXAMPLE = {
  from: '2026-01-31T00:00:00.000Z',
  to: '2026-02-01T00:00:00.000Z',
  accepted: 1200,
  delivered: 1190,
  pending: 7,
  dead: 1,
  quarantined: 2,
  discarded: 0,
  missing: 0,
  rewards_without_callback: [
    {
      reward_id: '5473ca54-59a5-cf65-d319-c91697297fcc',
      moment_id: 'CgkIraKVsdIBEAIQEA',
      user_id: 'user-123',
      virtual_value: '20',
      rewarded_at: RECEIVED_AT,
    },
  ],
};
