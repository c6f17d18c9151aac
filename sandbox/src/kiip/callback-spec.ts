import { z } from 'zod';
import { NON_EMPTY } from '../server/control-input.js';
import { MAX_DELAY_MS } from './kiip-settings.js';

export const CALLBACK_FIELDS = [
  'transaction_id',
  'content',
  'name',
  'quantity',
  'user_id',
  'nonce',
  'origin',
] as const;
export type CallbackField = (typeof CALLBACK_FIELDS)[number];

export const SIGNATURES = [
  'valid',
  'upper-case',
  'legacy',
  'wrong-secret',
  'previous-secret',
  'truncated',
  'empty',
  'missing',
] as const;
export const QUANTITY_FORMAT_NAMES = [
  'int',
  'string',
  'leading-zero',
  'decimal',
  'zero',
  'negative',
  'huge',
  'missing',
] as const;
export const VARIANTS = [
  'unknown-user',
  'unknown-currency',
  'wrong-name',
  'test-transaction',
  'hex24-transaction',
  'unicode',
  'extra-fields',
  'repeated-key',
  'both-formats',
  'neither-format',
  'issuance-as-redemption',
] as const;
export type SignatureFormat = (typeof SIGNATURES)[number];
export type QuantityFormat = (typeof QUANTITY_FORMAT_NAMES)[number];
export type CallbackVariant = (typeof VARIANTS)[number];

const TEXT_OR_NULL = z.string().nullable().optional();
const FIELD = z.enum(CALLBACK_FIELDS);

/** What callback to send. All of it is optional: `{}` is a correct redemption with a new transaction id. */
export const CALLBACK_SPEC = z.strictObject({
  /** Default redemption. */
  kind: z.enum(['redemption', 'issuance']).optional(),
  /** View id of a reward given, or 'latest': its transaction, currency and user. */
  reward: NON_EMPTY.optional(),
  /** Id of an earlier delivery, or 'latest': the very same message, or that message with the changes given here. */
  copyOf: z
    .union([z.int().min(1), z.literal('latest')], { error: 'must be a delivery id or "latest"' })
    .optional(),
  variant: z.enum(VARIANTS).optional(),
  transaction_id: TEXT_OR_NULL,
  content: TEXT_OR_NULL,
  name: TEXT_OR_NULL,
  /** A number is one in JSON too. null leaves a field out, here and in the others. */
  quantity: z
    .union([z.string(), z.number(), z.null()], { error: 'must be a number, a string or null' })
    .optional(),
  /** Default: that of the latest reward, or user-123. */
  user_id: TEXT_OR_NULL,
  nonce: TEXT_OR_NULL,
  origin: TEXT_OR_NULL,
  quantityFormat: z.enum(QUANTITY_FORMAT_NAMES).optional(),
  /**
   * Moves `chars` (1) characters from one field to the end or the beginning of another, whichever is nearer: of two
   * neighbours in the signed text, so that the signature still holds.
   */
  shift: z
    .strictObject({ from: FIELD, to: FIELD, chars: z.int().min(1).optional() })
    .refine(({ from, to }) => from !== to, 'from and to must be different fields')
    .optional(),
  /** Default valid. */
  signature: z.enum(SIGNATURES).optional(),
  /** Sent as it is, instead of a computed signature. */
  signatureText: z.string().optional(),
  /** Further fields. */
  extra: z.record(z.string(), z.unknown()).optional(),
  /** Fields that come a second time, with these values. */
  duplicateFields: z.record(z.string(), z.string()).optional(),
  /** Default: as the settings say for that kind. */
  type: z.enum(['form', 'json']).optional(),
  /** How long to wait before the first attempt, by the virtual clock. */
  delayMs: z.int().min(0).max(MAX_DELAY_MS).optional(),
});

/** How several callbacks leave: each after the first response to the one before, or all at once. */
export const BATCH_OPTIONS = z.strictObject({
  /** Default in-turn. */
  order: z.enum(['in-turn', 'at-once', 'reversed', 'shuffled']).optional(),
  /** How often each message is sent; default 1. */
  copies: z.int().min(1).max(10_000).optional(),
});

export type CallbackSpec = z.infer<typeof CALLBACK_SPEC>;
export type BatchOptions = z.infer<typeof BATCH_OPTIONS>;

/** For the control API's help. */
export const CALLBACK_HELP = [
  `A callback is {} or any of ${Object.keys(CALLBACK_SPEC.shape).join(', ')}.`,
  `  signature       ${SIGNATURES.join(', ')}`,
  `  quantityFormat  ${QUANTITY_FORMAT_NAMES.join(', ')}`,
  `  variant         ${VARIANTS.join(', ')}`,
];
