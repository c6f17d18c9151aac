import { z } from 'zod';
import { defined, NON_EMPTY, parseInput } from '../server/control-input.js';
import { RETRY_POLICIES } from './retry-policy.js';

export const MAX_DELAY_MS = 7 * 24 * 3_600_000;

/** The switches of the simulated Kiip: what the vendor does not document. */
export const KIIP_SETTINGS = z.strictObject({
  appKey: NON_EMPTY,
  /** Signs the callbacks. */
  appSecret: NON_EMPTY,
  /** Signs those that are asked for with signature `previous-secret`. */
  previousAppSecret: NON_EMPTY,
  unknownAppKeyStatus: z.literal([401, 400, 403, 200]),
  /** Bodies that are not JSON or lack a field. */
  badBodyStatus: z.literal([400, 200]),
  /** A body with `events` and without `moment` is a session on the moment path too, as the vendor documents it. */
  sessionsOnMomentPath: z.boolean(),
  /** Which moments of live users are rewarded; test ones always are. */
  momentRule: z.enum(['always', 'never', 'every-nth', 'by-moment']),
  /** With `every-nth`: 3 rewards the third, sixth, … */
  everyNth: z.int().min(1),
  /** With `by-moment`: the moment ids that are rewarded. */
  rewardedMoments: z.array(NON_EMPTY),
  /** null: every moment id is known. */
  knownMoments: z.array(NON_EMPTY).nullable(),
  unknownMoment: z.enum(['no-reward', 'error']),
  /** No reward for a device without an open session. */
  sessionRequired: z.boolean(),
  noReward: z.enum(['date', 'empty-object', 'null-view', 'empty-body', 'no-content']),
  /** Where the reward's page is said to be; `preview` is the vendor's other URL shape, and works. */
  bodyUrl: z.enum(['normal', 'preview', 'vendor', 'http', 'foreign-host', 'script', 'empty', 'missing']),
  /** Rewards come with the `notification` field. */
  notification: z.boolean(),
  /** Rewards come with `view.virtual.virtual_value`. */
  virtualValue: z.boolean(),
  /** What a redemption issues. */
  currencyContent: NON_EMPTY,
  currencyName: NON_EMPTY,
  currencyQuantity: z.int().min(1),
  /** Which id of its reward a callback names: the view id, the same without `test_`, or the first one in the path of its page. */
  callbackTransaction: z.enum(['view-id', 'without-prefix', 'page-id']),
  /** A reward is redeemed before its moment gets its response, so that the callback may come first. */
  redeemAtOnce: z.boolean(),
  redemptionType: z.enum(['form', 'json']),
  issuanceType: z.enum(['form', 'json']),
  retryPolicy: z.enum(RETRY_POLICIES),
  /** How long one attempt at a callback may take. */
  callbackTimeoutMs: z.int().min(1).max(600_000),
  /** How long after a redemption its callback leaves. */
  callbackDelayMs: z.int().min(0).max(MAX_DELAY_MS),
});

export type KiipSettings = z.infer<typeof KIIP_SETTINGS>;

export const KIIP_DEFAULTS: KiipSettings = {
  appKey: 'demo-kiip-app-key',
  appSecret: 'demo-kiip-app-secret',
  previousAppSecret: 'demo-kiip-previous-secret',
  unknownAppKeyStatus: 401,
  badBodyStatus: 400,
  sessionsOnMomentPath: true,
  momentRule: 'always',
  everyNth: 3,
  rewardedMoments: [],
  knownMoments: null,
  unknownMoment: 'no-reward',
  sessionRequired: false,
  noReward: 'date',
  bodyUrl: 'normal',
  notification: true,
  virtualValue: false,
  currencyContent: '7f3c2a10-0b1d-4c5e-8a9b-1234567890ab',
  currencyName: 'Coins',
  currencyQuantity: 20,
  callbackTransaction: 'view-id',
  redeemAtOnce: false,
  redemptionType: 'form',
  issuanceType: 'json',
  retryPolicy: 'none',
  callbackTimeoutMs: 5_000,
  callbackDelayMs: 0,
};

/** @throws ControlInputError with the first setting that is unknown or invalid */
export function parseKiipSettings(changes: unknown): Partial<KiipSettings> {
  return defined(parseInput(KIIP_SETTINGS.partial(), changes));
}
