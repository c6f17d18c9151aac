import { aBoolean, aText, anInteger, checkMembers, either, listOf, oneOf } from '../server/check.js';
import type { Check } from '../server/check.js';
import { RETRY_POLICIES } from './retry-policy.js';
import type { RetryPolicy } from './retry-policy.js';

/** The switches of the simulated Kiip: what the vendor does not document. */
export interface KiipSettings {
  appKey: string;
  /** Signs the callbacks. */
  appSecret: string;
  /** Signs those that are asked for with signature `previous-secret`. */
  previousAppSecret: string;
  unknownAppKeyStatus: 401 | 400 | 403 | 200;
  /** Bodies that are not JSON or lack a field. */
  badBodyStatus: 400 | 200;
  /** A body with `events` and without `moment` is a session on the moment path too, as the vendor documents it. */
  sessionsOnMomentPath: boolean;
  /** Which moments of live users are rewarded; test ones always are. */
  momentRule: 'always' | 'never' | 'every-nth' | 'by-moment';
  /** With `every-nth`: 3 rewards the third, sixth, … */
  everyNth: number;
  /** With `by-moment`: the moment ids that are rewarded. */
  rewardedMoments: string[];
  /** null: every moment id is known. */
  knownMoments: string[] | null;
  unknownMoment: 'no-reward' | 'error';
  /** No reward for a device without an open session. */
  sessionRequired: boolean;
  noReward: 'date' | 'empty-object' | 'null-view' | 'empty-body' | 'no-content';
  /** Where the reward's page is said to be; `preview` is the vendor's other URL shape, and works. */
  bodyUrl: 'normal' | 'preview' | 'vendor' | 'http' | 'foreign-host' | 'script' | 'empty' | 'missing';
  /** Rewards come with the `notification` field. */
  notification: boolean;
  /** Rewards come with `view.virtual.virtual_value`. */
  virtualValue: boolean;
  /** What a redemption issues. */
  currencyContent: string;
  currencyName: string;
  currencyQuantity: number;
  redemptionType: 'form' | 'json';
  issuanceType: 'form' | 'json';
  retryPolicy: RetryPolicy;
  /** How long one attempt at a callback may take. */
  callbackTimeoutMs: number;
  /** How long after a redemption its callback leaves. */
  callbackDelayMs: number;
}

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
  redemptionType: 'form',
  issuanceType: 'json',
  retryPolicy: 'none',
  callbackTimeoutMs: 5_000,
  callbackDelayMs: 0,
};

export const MAX_DELAY_MS = 7 * 24 * 3_600_000;

const CHECKS: Record<keyof KiipSettings, Check> = {
  appKey: aText,
  appSecret: aText,
  previousAppSecret: aText,
  unknownAppKeyStatus: oneOf(401, 400, 403, 200),
  badBodyStatus: oneOf(400, 200),
  sessionsOnMomentPath: aBoolean,
  momentRule: oneOf('always', 'never', 'every-nth', 'by-moment'),
  everyNth: anInteger(1),
  rewardedMoments: listOf(aText),
  knownMoments: either(listOf(aText), (value) => (value === null ? undefined : 'must be null')),
  unknownMoment: oneOf('no-reward', 'error'),
  sessionRequired: aBoolean,
  noReward: oneOf('date', 'empty-object', 'null-view', 'empty-body', 'no-content'),
  bodyUrl: oneOf('normal', 'preview', 'vendor', 'http', 'foreign-host', 'script', 'empty', 'missing'),
  notification: aBoolean,
  virtualValue: aBoolean,
  currencyContent: aText,
  currencyName: aText,
  currencyQuantity: anInteger(1),
  redemptionType: oneOf('form', 'json'),
  issuanceType: oneOf('form', 'json'),
  retryPolicy: oneOf(...RETRY_POLICIES),
  callbackTimeoutMs: anInteger(1, 600_000),
  callbackDelayMs: anInteger(0, MAX_DELAY_MS),
};

/** @throws ControlInputError naming the first unknown or ill-formed setting */
export function checkKiipSettings(settings: Partial<KiipSettings>): void {
  checkMembers(settings, CHECKS);
}
