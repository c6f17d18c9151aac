import { jsonResponse, textResponse } from '../server/http-response.js';
import type { HttpResponse } from '../server/http-response.js';
import type { KiipReward } from './kiip-rewards.js';
import type { KiipSettings } from './kiip-settings.js';

/** The response to a moment that is rewarded: the example of docs/vendors/kiip.md, field by field. */
export function rewardDocument(reward: KiipReward, origin: string, settings: KiipSettings): unknown {
  const text = `${reward.quantity} ${reward.name}`;
  const name = reward.test ? `Test Reward - ${text}` : text;
  return {
    date: reward.date,
    ...(settings.notification && {
      notification: { reward_name: name, reward_image_url: `${origin}/reward/image.svg` },
    }),
    view: {
      email_bounced: false,
      id: reward.view_id,
      modal: {
        message: name,
        timeout: 10,
        ...(reward.body_url !== null && { body_url: reward.body_url }),
        title: 'Loading your Kiip Reward:',
      },
      used_date: null,
      ...(settings.virtualValue && { virtual: { virtual_value: reward.quantity } }),
    },
  };
}

/** The response to a moment that is not, in the form that is switched on. */
export const NO_REWARD: Record<KiipSettings['noReward'], (date: string) => HttpResponse> = {
  date: (date) => jsonResponse(200, { date }),
  'empty-object': () => jsonResponse(200, {}),
  'null-view': (date) => jsonResponse(200, { date, view: null }),
  'empty-body': () => textResponse(200, '', 'application/json'),
  'no-content': () => ({ status: 204, headers: {}, body: Buffer.alloc(0) }),
};

/** Where the page is said to be, from its path and query in both URL shapes; null: not said at all. */
export const BODY_URL: Record<
  KiipSettings['bodyUrl'],
  (origin: string, standalone: string, preview: string) => string | null
> = {
  normal: (origin, standalone) => origin + standalone,
  preview: (origin, _, preview) => origin + preview,
  vendor: (_, standalone) => `https://api.kiip.me${standalone}`,
  http: (_, standalone) => `http://api.kiip.me${standalone}`,
  'foreign-host': (_, standalone) => `https://rewards.example.net${standalone}`,
  script: () => 'javascript:alert(1)',
  empty: () => '',
  missing: () => null,
};
