import type { Schemas } from '../api.js';
import type { Scope } from '../session.js';
import { apiRequest, controlRequest, read } from './play-request.js';
import type { PlayRequest } from './play-request.js';
import { consoleConfig } from '../config.js';

export const USER = 'user-123';
export const BADGE_USER = { external_user_id: 'user123', external_program_id: 'program456' };

/** What a step needs of those before it. */
export interface Story {
  /** The latest reward of the user. */
  readonly reward: Schemas['Reward'] | undefined;
  /** The latest callback that was recorded, by its number at Kiip. */
  readonly recorded: number | undefined;
}

export interface Step {
  readonly text: string;
  readonly hint: string;
  readonly scope?: Scope;
  readonly needs?: keyof Story;
  /** One after the other. */
  readonly requests: (story: Story) => readonly (PlayRequest | (() => Promise<PlayRequest>))[];
}

const COMMON = {
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
};
const MOMENT = { ...COMMON, moment: { id: 'level-1-done' } };

const callback = (spec: object) => [controlRequest('kiip', 'POST', '/callbacks', spec)];

/** The story, in the order in which it makes sense. */
export const STEPS: readonly Step[] = [
  {
    text: 'Look at the badge',
    hint: 'A backend asks how many products its user has not viewed. Fresh for 10 s, then asked again.',
    scope: 'kigo:read',
    requests: () => [apiRequest('getUnviewedCount', BADGE_USER)],
  },
  {
    text: 'Open the app',
    hint: 'A session begins at Kiip.',
    scope: 'kiip:write',
    requests: () => [
      apiRequest('postKiipSession', {
        body: {
          ...COMMON,
          user: { userid: USER },
          events: [{ id: 'session_start', start: new Date().toISOString() }],
        },
      }),
    ],
  },
  {
    text: 'Finish a level',
    hint: 'A moment. Kiip returns a reward, whose page appears here. Sent again with its Idempotency-Key, it reaches Kiip no second time.',
    scope: 'kiip:write',
    requests: () => [
      apiRequest(
        'postKiipMoment',
        { body: { ...MOMENT, user: { userid: USER } } },
        { idempotencyKey: `level-1-${Date.now()}` },
      ),
    ],
  },
  {
    text: 'Redeem the reward',
    hint: 'As the button on its page does. Kiip calls the gateway, and the wallet gets the event.',
    needs: 'reward',
    requests: ({ reward }) => [controlRequest('kiip', 'POST', '/redeem', { reward: reward!.id })],
  },
  {
    text: 'Repeat the callback',
    hint: 'The same bytes again: a duplicate, and nobody gets anything.',
    needs: 'recorded',
    requests: ({ recorded }) => callback({ copyOf: recorded }),
  },
  {
    text: 'Fill in a survey',
    hint: 'Kiip issues 20 more coins for the same reward.',
    needs: 'reward',
    requests: ({ reward }) => callback({ kind: 'issuance', reward: reward!.id }),
  },
  {
    text: 'Twenty at once',
    hint: 'One new callback, sent twenty times at the same moment: one entry.',
    needs: 'reward',
    requests: ({ reward }) => [
      controlRequest('kiip', 'POST', '/callbacks/batch', {
        callbacks: [{ kind: 'issuance', reward: reward!.id }],
        copies: 20,
        order: 'at-once',
      }),
    ],
  },
  {
    text: 'Forge a callback',
    hint: 'Signed with another secret: 401.',
    requests: () => callback({ signature: 'wrong-secret' }),
  },
  {
    text: 'Send an odd one',
    hint: 'Signed, but its quantity begins with a zero: quarantined until somebody decides.',
    needs: 'reward',
    requests: ({ reward }) => callback({ reward: reward!.id, quantityFormat: 'leading-zero' }),
  },
  {
    text: 'Be a stranger with the app key',
    hint: 'Asks Kiip past the gateway, and redeems. Kiip signs, but no moment of the gateway returned that reward: quarantined.',
    requests: () => [strangersMoment, controlRequest('kiip', 'POST', '/redeem')],
  },
  {
    text: 'Add a product at Kigo',
    hint: 'The badge grows by one when its cached count is no longer fresh.',
    requests: () => [oneMoreProduct],
  },
];

/** The app key is in every app: it is no secret to those who look. */
async function strangersMoment(): Promise<PlayRequest> {
  const { appKey } = await read<{ appKey: string }>('kiip', '/settings');
  const app = { ...COMMON.app, app_key: appKey };
  return {
    to: 'kiip',
    method: 'POST',
    url: `${consoleConfig().sandbox!.kiip}/2.0/server/moment/`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...MOMENT, app, user: { userid: `9999999${USER}` } }),
  };
}

async function oneMoreProduct(): Promise<PlayRequest> {
  type Account = typeof BADGE_USER & { unviewed_products: number };
  const { accounts } = await read<{ accounts: Account[] }>('kigo', '/accounts');
  const { unviewed_products = 0 } =
    accounts.find(
      (account) =>
        account.external_user_id === BADGE_USER.external_user_id &&
        account.external_program_id === BADGE_USER.external_program_id,
    ) ?? {};
  return controlRequest('kigo', 'PUT', '/accounts', {
    ...BADGE_USER,
    unviewed_products: unviewed_products + 1,
  });
}
