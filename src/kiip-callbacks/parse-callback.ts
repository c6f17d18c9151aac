import { parseFormMembers } from './form-members.js';
import { parseJsonMembers } from './json-members.js';
import type { Member } from './json-members.js';

/** The members that mean something to us (kiip-server-to-server.txt, "Verify a Reward Redemption" and "Async"). */
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

/** `name` is undefined in the legacy format, which has none. */
export interface RedemptionFields extends CommonFields {
  readonly name: string | undefined;
}

export interface IssuanceFields extends CommonFields {
  readonly nonce: string;
  readonly origin: string;
}

/** The fields of a callback as the text that arrived: nothing parsed, trimmed or normalised. */
export type KiipCallback =
  | {
      readonly kind: 'redemption';
      readonly legacy: boolean;
      readonly fields: RedemptionFields;
      readonly signature: string | undefined;
    }
  | { readonly kind: 'issuance'; readonly fields: IssuanceFields; readonly signature: string | undefined };

/** `detail` names the member that is wrong and never a value. */
export type ParseResult =
  | ({ readonly ok: true } & KiipCallback)
  | { readonly ok: false; readonly detail: string };

/** A form (what Kiip's redemptions most likely are) or JSON (what its issuances are said to be): both, on every route. */
export type CallbackMedia = 'json' | 'form';

/** What a Content-Type stands for, on routes that let these two in. */
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
  // The formula in the vendor's text says userid, its callback user_id. Both at once count as one member given twice.
  ['userid', 'user_id'],
]);

// Fatal: a byte that is not UTF-8 would otherwise be verified as U+FFFD. One byte order mark in front is dropped (RFC 8259, 8.1).
const UTF8_DECODER = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads a callback's body without interpreting it. Whatever it answers `ok: false` to is malformed (400). An empty
 * member is present: it breaks a rule of its field later, and is no reason to call a signed callback malformed.
 *
 * @param legacy whether a redemption without `name` is a format at all
 */
export function parseCallback(body: Uint8Array, media: CallbackMedia, legacy: boolean): ParseResult {
  const members = parseMembers(body, media);
  if (members === undefined) return malformed(`the body is not ${ERROR_TEXTS[media].body}`);
  const texts = new Map<FieldName, string>();
  for (const member of members) {
    const name = FIELD_NAMES.get(member.name);
    // Members that we do not know may have any shape and come any number of times: nothing of ours reads them.
    if (name === undefined) continue;
    if (texts.has(name)) return malformed(`${name} is given twice`);
    if (member.text === undefined) return malformed(`${name} is ${ERROR_TEXTS[media].value}`);
    // A lone surrogate has no UTF-8, so a hash would be one of U+FFFD, which anyone may write instead.
    if (!member.text.isWellFormed()) return malformed(`${name} is not Unicode text`);
    texts.set(name, member.text);
  }
  return detectFormat(texts, legacy);
}

function parseMembers(body: Uint8Array, media: CallbackMedia): Member[] | undefined {
  let text: string;
  try {
    text = UTF8_DECODER.decode(body);
  } catch {
    return undefined;
  }
  return media === 'json' ? parseJsonMembers(text) : parseFormMembers(text);
}

const ERROR_TEXTS = {
  json: { body: 'a JSON object in UTF-8', value: 'neither a string nor a number' },
  form: { body: 'a form in UTF-8', value: 'not percent-encoded UTF-8' },
};

/** Tells the two formats apart by their members. A redemption that also has an `origin` has one extra member, no more. */
function detectFormat(texts: ReadonlyMap<FieldName, string>, legacy: boolean): ParseResult {
  const signature = texts.get('signature');
  if (texts.has('name') && texts.has('nonce')) return malformed('name and nonce exclude each other');
  if (texts.has('nonce') || (texts.has('origin') && !texts.has('name'))) {
    const fields = requireFields(texts, [...COMMON_FIELDS, 'nonce', 'origin']);
    return typeof fields === 'string' ? malformed(fields) : { ok: true, kind: 'issuance', fields, signature };
  }
  if (!texts.has('name') && !legacy) return malformed('name is missing, and so are nonce and origin');
  const fields = requireFields(texts, COMMON_FIELDS);
  if (typeof fields === 'string') return malformed(fields);
  const name = texts.get('name');
  return { ok: true, kind: 'redemption', legacy: name === undefined, fields: { ...fields, name }, signature };
}

/** The named texts, or which of them are missing. */
function requireFields<Name extends FieldName>(
  texts: ReadonlyMap<FieldName, string>,
  names: readonly Name[],
): Record<Name, string> | string {
  const missing = names.filter((name) => !texts.has(name));
  if (missing.length > 0) return `${missing.join(', ')} ${missing.length > 1 ? 'are' : 'is'} missing`;
  return Object.fromEntries(names.map((name) => [name, texts.get(name)])) as Record<Name, string>;
}

function malformed(detail: string): ParseResult {
  return { ok: false, detail };
}
