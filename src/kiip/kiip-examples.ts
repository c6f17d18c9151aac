import type { MomentDto } from './moment.dto.js';

const REWARDED_MOMENT: MomentDto = {
  rewarded: true,
  date: '2016-07-07T18:47:06.353111Z',
  reward: {
    id: 'test_5473ca54-59a5-cf65-d319-c91697297fcc',
    name: 'Test Reward - Virtual Click',
    image_url: 'https://d3aq14vri881or.cloudfront.net/reward.png',
    title: 'Loading your Kiip Reward:',
    message: 'Test Reward - Virtual Click',
    timeout_seconds: 10,
    display_url: 'https://api.kiip.me/reward/577ea3aa-b723-ae81-660c-79fae3443e12?mode=standalone',
    email_bounced: false,
    used_date: null,
  },
};

const CALL = {
  app: { version: '1.0' },
  connection: { ip: '203.0.113.7' },
  device: {
    id: 'demo-device',
    lang: 'en',
    locale: 'en_US',
    manufacturer: 'Google',
    model: 'Pixel 9',
    os: 'Android 16',
    resolution: '1080x2424',
  },
  user: { userid: 'user-123' },
};

export const SESSION_CALL = { ...CALL, events: [{ id: 'session_start', start: '2026-01-01T00:00:00.000Z' }] };
export const MOMENT_CALL = { ...CALL, moment: { id: 'level-1-done' } };

const NOT_REWARDED_MOMENT: MomentDto = { rewarded: false, date: '2016-07-07T18:47:06.353111Z', reward: null };

/** The two responses to a moment, for OpenAPI. */
export const MOMENT_EXAMPLES = {
  rewarded: { summary: 'Rewarded', value: REWARDED_MOMENT },
  'not-rewarded': { summary: 'Not rewarded', value: NOT_REWARDED_MOMENT },
};
