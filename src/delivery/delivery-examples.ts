/** A dead delivery in the API description. */
export const DELIVERY_EXAMPLE = {
  id: 'dlv_17',
  issuance_id: 'iss_0190c1d2e3f4000000112233445566aa',
  consumer: 'wallet',
  status: 'dead',
  attempts: 18,
  last_status: 503,
  next_attempt_at: null,
};

export const DELIVERY_HISTORY_EXAMPLE = {
  ...DELIVERY_EXAMPLE,
  accepted_at: '2026-01-31T12:00:00.000Z',
  ended_at: '2026-02-03T12:00:00.531Z',
  attempt_log: [{ at: '2026-02-03T12:00:00.519Z', status: 503, outcome: 'rejected', duration_ms: 12 }],
};

export const CONSUMER_EXAMPLE = {
  name: 'wallet',
  origin: 'https://wallet.example',
  paused: null,
  breaker: 'closed',
  pending: 3,
  dead: 0,
};

export const PAUSED_CONSUMER_EXAMPLE = {
  ...CONSUMER_EXAMPLE,
  paused: {
    since: '2026-01-31T12:00:00.000Z',
    cause: 'manual',
    caller: 'operations',
    request_id: '0190c1d2-e3f4-7000-8000-112233445566',
    reason: 'It counts twice, ticket 4712',
  },
};

export const TEST_RESULT_EXAMPLE = {
  id: 'test_6d0f0e0b-4f0e-4a39-9d0f-5a86a2c1f6a1',
  accepted: true,
  status: 204,
  outcome: 'accepted',
  duration_ms: 12,
};

const REPLAY_REQUEST = { consumer: 'wallet', from: '2026-01-31T00:00:00Z', to: '2026-02-01T00:00:00Z' };

export const REPLAY_REQUEST_EXAMPLES = {
  count: { value: { ...REPLAY_REQUEST, dry_run: true } },
  send: { value: { ...REPLAY_REQUEST, rate_per_second: 50 } },
};

export const REPLAY_EXAMPLE = {
  id: '6d0f0e0b-4f0e-4a39-9d0f-5a86a2c1f6a1',
  consumer: 'wallet',
  status: 'running',
  from: '2026-01-31T00:00:00.000Z',
  to: '2026-02-01T00:00:00.000Z',
  count: 1200,
  done: 400,
  created_at: '2026-02-02T08:00:00.000Z',
  requested_by: 'operations',
  request_id: '0190c1d2-e3f4-7000-8000-112233445566',
  finished_at: null,
};
