import { ControlInputError } from '../server/control-input.js';
import type { CallbackField, CallbackSpec, QuantityFormat, SignatureFormat } from './callback-spec.js';
import { kiipSignature } from './kiip-signer.js';
import type { Formula } from './kiip-signer.js';

/** A bigint is a JSON number that no double holds. null: the field is left out. */
export type FieldValue = string | number | bigint | null;

/** A callback with everything decided. */
export interface CallbackPlan {
  kind: 'redemption' | 'issuance';
  type: 'form' | 'json';
  fields: Partial<Record<CallbackField, FieldValue>>;
  signature: SignatureFormat;
  signatureText?: string;
  extra: Record<string, unknown>;
  duplicateFields: Record<string, string>;
}

export interface CallbackMessage {
  contentType: string;
  body: string;
}

export interface Secrets {
  appSecret: string;
  previousAppSecret: string;
}

/** The fields of a kind, in the order in which the vendor lists them. */
export const FIELDS_BY_KIND: Record<CallbackPlan['kind'], readonly CallbackField[]> = {
  redemption: ['transaction_id', 'content', 'name', 'quantity', 'user_id'],
  issuance: ['content', 'quantity', 'user_id', 'transaction_id', 'nonce', 'origin'],
};

const MEDIA_TYPES = { form: 'application/x-www-form-urlencoded', json: 'application/json' };

/** The text to send. The same plan and secrets always give the same text. */
export function callbackMessage(plan: CallbackPlan, secrets: Secrets): CallbackMessage {
  const names = [...new Set([...FIELDS_BY_KIND[plan.kind], ...fieldNames(plan.fields)])];
  const fields: [string, unknown][] = names.flatMap((name) => {
    const value = plan.fields[name] ?? null;
    return value === null ? [] : [[name, value]];
  });
  const signature = plan.signatureText ?? createSignature(plan, secrets);
  if (signature !== undefined) fields.push(['signature', signature]);
  fields.push(...Object.entries(plan.extra), ...Object.entries(plan.duplicateFields));
  return {
    contentType: MEDIA_TYPES[plan.type],
    body: plan.type === 'json' ? asJson(fields) : asForm(fields),
  };
}

/** What the quantity looks like in each form, from a plain one. */
export const QUANTITY_FORMATS: Record<QuantityFormat, (plain: string) => FieldValue> = {
  int: Number,
  string: (plain) => plain,
  'leading-zero': (plain) => `0${plain}`,
  decimal: (plain) => `${plain}.0`,
  zero: () => 0,
  negative: (plain) => -Math.abs(Number(plain)),
  huge: () => 2n ** 53n + 1n,
  missing: () => null,
};

/** Moves characters between two fields, towards each other in the signed text of that kind. */
export function shiftCharacters(
  plan: CallbackPlan,
  { from, to, chars = 1 }: NonNullable<CallbackSpec['shift']>,
): CallbackPlan {
  const order: readonly CallbackField[] = [
    'content',
    'name',
    'quantity',
    'user_id',
    'transaction_id',
    'nonce',
    'origin',
  ];
  const [source, target] = [plan.fields[from], plan.fields[to]].map((value) => String(value ?? ''));
  if (source === undefined || target === undefined || source.length < chars) {
    throw new ControlInputError('shift', `finds fewer than ${chars} characters in ${from}`);
  }
  const forward = order.indexOf(from) < order.indexOf(to);
  const splitAt = forward ? source.length - chars : chars;
  const [prefix, suffix] = [source.slice(0, splitAt), source.slice(splitAt)];
  const after = forward
    ? { [from]: prefix, [to]: suffix + target }
    : { [from]: suffix, [to]: target + prefix };
  const asBefore = Object.entries(after).map(([name, text]) => {
    const wasNumber = typeof plan.fields[name as CallbackField] === 'number';
    return [name, wasNumber && String(Number(text)) === text ? Number(text) : text];
  });
  return { ...plan, fields: { ...plan.fields, ...Object.fromEntries(asBefore) } };
}

type Sign = (secret: string, formula?: Formula) => string;
const SIGNATURE_FORMATS: Record<SignatureFormat, (sign: Sign, secrets: Secrets) => string | undefined> = {
  valid: (sign, { appSecret }) => sign(appSecret),
  'upper-case': (sign, { appSecret }) => sign(appSecret).toUpperCase(),
  legacy: (sign, { appSecret }) => sign(appSecret, 'legacy'),
  'wrong-secret': (sign, { appSecret }) => sign(`not-${appSecret}`),
  'previous-secret': (sign, { previousAppSecret }) => sign(previousAppSecret),
  truncated: (sign, { appSecret }) => sign(appSecret).slice(0, -1),
  empty: () => '',
  missing: () => undefined,
};

function createSignature({ kind, fields, signature }: CallbackPlan, secrets: Secrets): string | undefined {
  const texts = Object.fromEntries(fieldNames(fields).map((name) => [name, String(fields[name] ?? '')]));
  return SIGNATURE_FORMATS[signature](
    (secret, formula = kind) => kiipSignature(formula, texts, secret),
    secrets,
  );
}

// By hand, since an object has no field twice and JSON.stringify no integer beyond 2^53.
function asJson(fields: [string, unknown][]): string {
  const written = fields.map(([name, value]) => `${JSON.stringify(name)}:${literal(value)}`);
  return `{${written.join(',')}}`;
}

function asForm(fields: [string, unknown][]): string {
  const texts = fields.map(([name, value]): [string, string] => [
    name,
    typeof value === 'string' ? value : literal(value),
  ]);
  return new URLSearchParams(texts).toString();
}

function literal(value: unknown): string {
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value);
}

function fieldNames(fields: CallbackPlan['fields']): CallbackField[] {
  return Object.keys(fields) as CallbackField[];
}
