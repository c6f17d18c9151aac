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

const REPLAY_REQUEST = { consumer: 'wallet', from: '2026-01-31T00:00:00Z', to: '2026-02-01T00:00:00Z' };

export const REPLAY_REQUEST_EXAMPLES = {
  count: { value: { ...REPLAY_REQUEST, dry_run: true } },
  send: { value: { ...REPLAY_REQUEST, rate_per_second: 50 } },
};

export const REPLAY_EXAMPLE = {
  id: '6d0f0e0b-4f0e-4a39-9d0f-5a86a2c1f6a1',
  consumer: 'wallet',
  from: '2026-01-31T00:00:00.000Z',
  to: '2026-02-01T00:00:00.000Z',
  count: 1200,
  done: 400,
  created_at: '2026-02-02T08:00:00.000Z',
  requested_by: 'operations',
  request_id: '0190c1d2-e3f4-7000-8000-112233445566',
  finished_at: null,
};
