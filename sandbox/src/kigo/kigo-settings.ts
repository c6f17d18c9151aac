import { z } from 'zod';
import { defined, NON_EMPTY, parseInput } from '../server/control-input.js';

/** The switches of the simulated Kigo: what the vendor does not document. */
export const KIGO_SETTINGS = z.strictObject({
  partnerId: NON_EMPTY,
  /** Every key that a login accepts: two of them for the time of a rotation. */
  apiKeys: z.array(NON_EMPTY),
  /** Logins with right credentials answer 403. */
  partnerDisabled: z.boolean(),
  loginStatus: z.literal([200, 201]),
  /** How long a token is accepted, by the virtual clock; fractions allowed. */
  tokenTtlSeconds: z.number().min(0),
  /** Adds `expires_in` to the login response; give more than `tokenTtlSeconds` and it lies. null: not announced. */
  announcedTokenTtlSeconds: z.number().min(0).nullable(),
  /** A token is accepted for so many calls and is then expired: 1 lets it expire between lookup and summary. */
  tokenUses: z.number().min(1).nullable(),
  /** Every token is expired from birth. */
  issueExpiredTokens: z.boolean(),
  /** A login revokes all older tokens. */
  revokeOlderTokens: z.boolean(),
  /** What the login response has in place of the token. */
  loginToken: z.enum(['normal', 'absent', 'null', 'empty', 'number']),
  expiredTokenStatus: z.literal([401, 403]),
  /** 422 is text/plain, as Axum's extractor answers. */
  missingFieldStatus: z.literal([400, 422]),
  /** Account ids are JSON numbers. */
  numericAccountIds: z.boolean(),
  /** Lookup of a user or program that has no account. */
  unknownUser: z.enum(['not-found', 'create', 'null-id', 'empty-array']),
  /** Accounts and programs that belong to another partner. */
  otherPartnerStatus: z.literal([404, 403]),
  /** `error_code` is a number instead of a word. */
  numericErrorCodes: z.boolean(),
});

export type KigoSettings = z.infer<typeof KIGO_SETTINGS>;

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

/** @throws ControlInputError with the first setting that is unknown or invalid */
export function parseKigoSettings(changes: unknown): Partial<KigoSettings> {
  return defined(parseInput(KIGO_SETTINGS.partial(), changes));
}
