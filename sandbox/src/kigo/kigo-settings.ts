import { aBoolean, aNumber, aText, checkMembers, either, listOf, oneOf } from '../server/check.js';
import type { Check } from '../server/check.js';

/** The switches of the simulated Kigo: what the vendor does not document. */
export interface KigoSettings {
  partnerId: string;
  /** Every key that a login accepts: two of them for the time of a rotation. */
  apiKeys: string[];
  /** Logins with right credentials answer 403. */
  partnerDisabled: boolean;
  loginStatus: 200 | 201;
  /** How long a token is accepted, by the virtual clock; fractions allowed. */
  tokenTtlSeconds: number;
  /** Adds `expires_in` to the login response; give more than `tokenTtlSeconds` and it lies. null: not announced. */
  announcedTokenTtlSeconds: number | null;
  /** A token is accepted for so many calls and is then expired: 1 lets it expire between lookup and summary. */
  tokenUses: number | null;
  /** Every token is expired from birth. */
  issueExpiredTokens: boolean;
  /** A login revokes all older tokens. */
  revokeOlderTokens: boolean;
  /** What the login response has in place of the token. */
  loginToken: 'normal' | 'absent' | 'null' | 'empty' | 'number';
  expiredTokenStatus: 401 | 403;
  /** 422 is text/plain, as Axum's extractor answers. */
  missingFieldStatus: 400 | 422;
  /** Account ids are JSON numbers. */
  numericAccountIds: boolean;
  /** Lookup of a user or program that has no account. */
  unknownUser: 'not-found' | 'create' | 'null-id' | 'empty-array';
  /** Accounts and programs that belong to another partner. */
  otherPartnerStatus: 404 | 403;
  /** `error_code` is a number instead of a word. */
  numericErrorCodes: boolean;
}

export const KIGO_DEFAULTS: KigoSettings = {
  partnerId: 'demo-partner',
  apiKeys: ['demo-kigo-key'],
  partnerDisabled: false,
  loginStatus: 200,
  tokenTtlSeconds: 1800,
  announcedTokenTtlSeconds: null,
  tokenUses: null,
  issueExpiredTokens: false,
  revokeOlderTokens: false,
  loginToken: 'normal',
  expiredTokenStatus: 401,
  missingFieldStatus: 400,
  numericAccountIds: false,
  unknownUser: 'not-found',
  otherPartnerStatus: 404,
  numericErrorCodes: false,
};

const orNull = (check: Check): Check =>
  either(check, (value) => (value === null ? undefined : 'must be null'));

const CHECKS: Record<keyof KigoSettings, Check> = {
  partnerId: aText,
  apiKeys: listOf(aText),
  partnerDisabled: aBoolean,
  loginStatus: oneOf(200, 201),
  tokenTtlSeconds: aNumber(0),
  announcedTokenTtlSeconds: orNull(aNumber(0)),
  tokenUses: orNull(aNumber(1)),
  issueExpiredTokens: aBoolean,
  revokeOlderTokens: aBoolean,
  loginToken: oneOf('normal', 'absent', 'null', 'empty', 'number'),
  expiredTokenStatus: oneOf(401, 403),
  missingFieldStatus: oneOf(400, 422),
  numericAccountIds: aBoolean,
  unknownUser: oneOf('not-found', 'create', 'null-id', 'empty-array'),
  otherPartnerStatus: oneOf(404, 403),
  numericErrorCodes: aBoolean,
};

/** @throws ControlInputError naming the first unknown or ill-formed setting */
export function checkKigoSettings(settings: Partial<KigoSettings>): void {
  checkMembers(settings, CHECKS);
}
