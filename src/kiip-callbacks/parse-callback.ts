import { decodeUtf8 } from '../config/utf8.js';
import { parseFormFields } from './form-fields.js';
import { parseJsonFields } from './json-fields.js';
import type { BodyField } from './json-fields.js';
import { isWithinJsonLimits } from '../validation/json-limits.js';

/** The fields that the gateway reads (docs/vendors/kiip.md, section 6). */
type FieldName =
  | 'transaction_id'
  | 'content'
  | 'name'
  | 'quantity'
  | 'user_id'
  | 'nonce'
  | 'origin'
  | 'signature';

interface CommonFields {
  readonly transaction_id: string;
  readonly content: string;
  readonly quantity: string;
  readonly user_id: string;
}

/** `name` is undefined in the legacy format, which does not have it. */
export interface RedemptionFields extends CommonFields {
  readonly name: string | undefined;
}

export interface IssuanceFields extends CommonFields {
  readonly nonce: string;
  readonly origin: string;
}

/** The fields of a callback as received: not trimmed, not normalised, and numbers as text. */
export type KiipCallback =
  | {
      readonly kind: 'redemption';
      readonly legacy: boolean;
      readonly fields: RedemptionFields;
      readonly signature: string | undefined;
    }
  | { readonly kind: 'issuance'; readonly fields: IssuanceFields; readonly signature: string | undefined };

/** `detail` names the wrong field and never contains a value. */
export type ParseResult = ({ readonly ok: true } & KiipCallback) | Malformed;

/** Every route accepts both: redemptions are most likely forms, and issuances JSON (docs/vendors/kiip.md, section 6). */
export type CallbackMedia = 'json' | 'form';

/** The format of a body by its Content-Type. Routes reject every other type before. */
export function toCallbackMedia(contentType: string): CallbackMedia {
  return /^\s*application\/json\b/i.test(contentType) ? 'json' : 'form';
}

const COMMON_FIELDS = ['transaction_id', 'content', 'quantity', 'user_id'] as const;

const FIELD_NAMES: ReadonlyMap<string, FieldName> = new Map<string, FieldName>([
  ...COMMON_FIELDS.map((name) => [name, name] as const),
  ['name', 'name'],
  ['nonce', 'nonce'],
  ['origin', 'origin'],
  ['signature', 'signature'],
  // The vendor's text on signatures says `userid`, its callbacks say `user_id`. Both together count as a repeated field.
  ['userid', 'user_id'],
]);

/** Many times what a callback has. A body is measured before it is parsed: deep nesting costs much more than its bytes. */
const MAX_DEPTH = 32;
const MAX_VALUES = 256;
const AMPERSAND = 0x26;

/** The fields of a body by name, or what is wrong with it. */
export type FieldValues = ReadonlyMap<FieldName, string>;
export type FieldsResult = { readonly ok: true; readonly values: FieldValues } | Malformed;

interface Malformed {
  readonly ok: false;
  readonly detail: string;
}

/**
 * Parses the body of a callback, without validating the fields. A callback with `ok: false` is malformed (400). An
 * empty field is not malformed: if the signature is valid, the field rules quarantine the callback later.
 *
 * @param legacy whether a redemption without `name` is accepted
 */
export function parseCallback(body: Uint8Array, media: CallbackMedia, legacy: boolean): ParseResult {
  const fields = readFields(body, media);
  return fields.ok ? detectFormat(fields.values, legacy) : fields;
}

/** Reads a body once; `detectFormat` makes a callback of what it found. */
export function readFields(body: Uint8Array, media: CallbackMedia): FieldsResult {
  if (!isSmall(body, media)) return malformed('the body has too many values, or is nested too deeply');
  const fields = parseFields(body, media);
  if (fields === undefined) return malformed(`the body is not ${ERROR_TEXTS[media].body}`);
  const values = new Map<FieldName, string>();
  for (const { name: receivedName, value } of fields) {
    const name = FIELD_NAMES.get(receivedName);
    // Unknown fields may have any value and may be repeated: the gateway ignores them.
    if (name === undefined) continue;
    if (values.has(name)) return malformed(`${name} is given twice`);
    if (value === undefined) return malformed(`${name} is ${ERROR_TEXTS[media].value}`);
    // A lone surrogate has no UTF-8 form. Hashing it would give the hash of U+FFFD, so two values would share a signature.
    if (!value.isWellFormed()) return malformed(`${name} is not Unicode text`);
    values.set(name, value);
  }
  return { ok: true, values };
}

function isSmall(body: Uint8Array, media: CallbackMedia): boolean {
  if (media === 'json') return isWithinJsonLimits(body, MAX_DEPTH, MAX_VALUES);
  return body.reduce((count, byte) => (byte === AMPERSAND ? count + 1 : count), 1) <= MAX_VALUES;
}

function parseFields(body: Uint8Array, media: CallbackMedia): BodyField[] | undefined {
  let text: string;
  try {
    text = decodeUtf8(body);
  } catch {
    return undefined;
  }
  return media === 'json' ? parseJsonFields(text) : parseFormFields(text);
}

const ERROR_TEXTS = {
  json: {
    body: 'a JSON object in UTF-8',
    value: 'neither a string nor a number',
  },
  form: { body: 'a form in UTF-8', value: 'not percent-encoded UTF-8' },
};

/**
 * Tells the two formats apart by their fields. A redemption may also have an `origin`, which is ignored.
 * @param legacy whether a redemption without `name` is accepted
 */
export function detectFormat(values: FieldValues, legacy: boolean): ParseResult {
  const signature = values.get('signature');
  if (values.has('name') && values.has('nonce')) return malformed('name and nonce exclude each other');
  if (values.has('nonce') || (values.has('origin') && !values.has('name'))) {
    const fields = requireFields(values, [...COMMON_FIELDS, 'nonce', 'origin']);
    return typeof fields === 'string' ? malformed(fields) : { ok: true, kind: 'issuance', fields, signature };
  }
  if (!values.has('name') && !legacy) return malformed('name is missing, and so are nonce and origin');
  const fields = requireFields(values, COMMON_FIELDS);
  if (typeof fields === 'string') return malformed(fields);
  const name = values.get('name');
  return { ok: true, kind: 'redemption', legacy: name === undefined, fields: { ...fields, name }, signature };
}

/** The values of the named fields, or an error text that lists the missing ones. */
function requireFields<Name extends FieldName>(
  values: ReadonlyMap<FieldName, string>,
  names: readonly Name[],
): Record<Name, string> | string {
  const missing = names.filter((name) => !values.has(name));
  if (missing.length > 0) return `${missing.join(', ')} ${missing.length > 1 ? 'are' : 'is'} missing`;
  return Object.fromEntries(names.map((name) => [name, values.get(name)])) as Record<Name, string>;
}

function malformed(detail: string): Malformed {
  return { ok: false, detail };
}
