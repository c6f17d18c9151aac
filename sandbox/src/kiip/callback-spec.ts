import {
  aText,
  anInteger,
  anObject,
  checkMembers,
  ControlInputError,
  either,
  isObject,
  listOf,
  oneOf,
} from '../server/check.js';
import type { Check } from '../server/check.js';
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

const SIGNATURES = [
  'valid',
  'upper-case',
  'legacy',
  'wrong-secret',
  'previous-secret',
  'truncated',
  'empty',
  'missing',
] as const;
const QUANTITY_FORMS = [
  'int',
  'string',
  'leading-zero',
  'decimal',
  'zero',
  'negative',
  'huge',
  'missing',
] as const;
const VARIANTS = [
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
const ORDERS = ['in-turn', 'at-once', 'reversed', 'shuffled'] as const;

export type SignatureFormat = (typeof SIGNATURES)[number];
export type QuantityFormat = (typeof QUANTITY_FORMS)[number];
export type CallbackVariant = (typeof VARIANTS)[number];

/** What callback to send. All of it is optional: `{}` is a correct redemption with a new transaction id. */
export interface CallbackSpec {
  /** Default redemption. */
  kind?: 'redemption' | 'issuance';
  /** View id of a reward given, or 'latest': its transaction, currency and user. */
  reward?: string;
  /** Id of an earlier delivery, or 'latest': the very same message, or with other fields here, that one changed. */
  copyOf?: number | 'latest';
  variant?: CallbackVariant;
  transaction_id?: string | null;
  content?: string | null;
  name?: string | null;
  /** A number is one in JSON too. null leaves a field out, here and in the others. */
  quantity?: number | string | null;
  /** Default: that of the latest reward, or user-123. */
  user_id?: string | null;
  nonce?: string | null;
  origin?: string | null;
  quantityFormat?: QuantityFormat;
  /**
   * Moves `chars` (1) characters from one field to the end or the beginning of another, whichever is nearer: of two
   * neighbours in the signed text, so that the signature still holds.
   */
  shift?: { from: CallbackField; to: CallbackField; chars?: number };
  /** Default valid. */
  signature?: SignatureFormat;
  /** Sent as it is, instead of a signature of ours. */
  signatureText?: string;
  /** Members besides. */
  extra?: Record<string, unknown>;
  /** Members that come a second time, with these values. */
  duplicateFields?: Record<string, string>;
  /** Default: as the settings say for that kind. */
  type?: 'form' | 'json';
  /** How long to wait before the first attempt, by the virtual clock. */
  delayMs?: number;
}

/** How several callbacks leave: one after another's first response, or all at once. */
export interface BatchOptions {
  /** Default in-turn. */
  order?: (typeof ORDERS)[number];
  /** How often each message is sent; default 1. */
  copies?: number;
}

const aFieldName = oneOf(...CALLBACK_FIELDS);
const anyText: Check = (value) => (typeof value === 'string' ? undefined : 'must be a string');
const aNull: Check = (value) => (value === null ? undefined : 'must be null');
const aField = either(anyText, aNull);
const aMove: Check = (value) =>
  isObject(value) &&
  Object.keys(value).every((key) => ['from', 'to', 'chars'].includes(key)) &&
  [value['from'], value['to']].every((name) => aFieldName(name) === undefined) &&
  value['from'] !== value['to'] &&
  anInteger(1)(value['chars'] ?? 1) === undefined
    ? undefined
    : `must be {"from", "to", "chars"} with two of ${CALLBACK_FIELDS.join(', ')}`;
const textMembers: Check = (value) =>
  isObject(value) && Object.values(value).every((text) => typeof text === 'string')
    ? undefined
    : 'must be a JSON object of strings';

const CHECKS: Record<keyof CallbackSpec, Check> = {
  kind: oneOf('redemption', 'issuance'),
  reward: aText,
  copyOf: either(anInteger(1), oneOf('latest')),
  variant: oneOf(...VARIANTS),
  transaction_id: aField,
  content: aField,
  name: aField,
  quantity: either(aField, (value) => (Number.isFinite(value) ? undefined : 'must be a number')),
  user_id: aField,
  nonce: aField,
  origin: aField,
  quantityFormat: oneOf(...QUANTITY_FORMS),
  shift: aMove,
  signature: oneOf(...SIGNATURES),
  signatureText: anyText,
  extra: anObject,
  duplicateFields: textMembers,
  type: oneOf('form', 'json'),
  delayMs: anInteger(0, MAX_DELAY_MS),
};

/** For the control API's help. */
export const CALLBACK_HELP = [
  `A callback is {} or any of ${Object.keys(CHECKS).join(', ')}.`,
  `  signature     ${SIGNATURES.join(', ')}`,
  `  quantityFormat  ${QUANTITY_FORMS.join(', ')}`,
  `  variant       ${VARIANTS.join(', ')}`,
];

/** @throws ControlInputError naming the first unknown or ill-formed field */
export function checkCallbackSpec(spec: CallbackSpec): void {
  checkMembers(spec, CHECKS);
}

/** @throws ControlInputError naming the first unknown or ill-formed field */
export function checkBatch(specs: readonly CallbackSpec[], options: BatchOptions): void {
  if (listOf(anObject)(specs)) throw new ControlInputError('callbacks', 'must be a list of JSON objects');
  for (const spec of specs) checkCallbackSpec(spec);
  checkMembers(options, { order: oneOf(...ORDERS), copies: anInteger(1, 10_000) });
}
