import { Webhook } from 'standardwebhooks';

/** A parser turns the text of a variable into its value, or throws a BadValue whose sentence never repeats the text. */
export type Parser<T> = (text: string) => T;

export class InvalidValueError extends Error {}

/** One line. A line break would end a header early; it is most often a second newline in a secret's file. */
export const singleLine: Parser<string> = (value) => {
  if (/\p{Cc}/u.test(value))
    throw new InvalidValueError('must not hold line breaks or other control characters');
  return value;
};

export const flag: Parser<boolean> = (value) => {
  if (value === 'true') return true;
  if (value === 'false') return false;
  throw new InvalidValueError('must be true or false');
};

/** Any positive number, fractions included. */
export const positive: Parser<number> = (value) => {
  const number = decimal(value);
  if (!(number > 0)) throw new InvalidValueError('must be a positive number');
  return number;
};

export const zeroOrMore: Parser<number> = (value) => {
  const number = decimal(value);
  if (!(number >= 0)) throw new InvalidValueError('must be zero or a positive number');
  return number;
};

export const wholeNumber: Parser<number> = (value) => {
  const number = decimal(value);
  if (!Number.isSafeInteger(number) || number < 0)
    throw new InvalidValueError('must be zero or a whole number');
  return number;
};

export const port: Parser<number> = (value) => {
  const number = decimal(value);
  if (!Number.isInteger(number) || number < 0 || number > 65_535)
    throw new InvalidValueError('must be a port, 0 to 65535');
  return number;
};

export function oneOf<const T extends string>(...allowed: T[]): Parser<T> {
  return (value) => {
    const found = allowed.find((name) => name === value);
    if (found === undefined) throw new InvalidValueError(`must be one of ${allowed.join(', ')}`);
    return found;
  };
}

/** An absolute http(s) URL without credentials, query or fragment; a trailing slash is dropped. */
export const baseUrl: Parser<string> = (value) => {
  const url = parseUrl(value, ['http:', 'https:']);
  if (url.username || url.password) throw new InvalidValueError('must not hold credentials');
  if (url.search || url.hash) throw new InvalidValueError('must not have a query or a fragment');
  return url.href.replace(/\/+$/, '');
};

export function urlOf(...protocols: string[]): Parser<string> {
  return (value) => {
    const url = parseUrl(value, protocols);
    if (url.protocol.startsWith('http') && (url.username || url.password))
      throw new InvalidValueError('must not hold credentials');
    return value;
  };
}

/** `redis://[user[:password]@]host[:port][/database]`, also with `rediss:`. */
export const redisUrl: Parser<string> = (value) => {
  const url = parseUrl(value, ['redis:', 'rediss:']);
  const decodable = !/%(?![0-9a-f]{2})/i.test(url.username + url.password);
  if (url.hostname === '' || !/^(\/\d*)?$/.test(url.pathname) || !decodable)
    throw new InvalidValueError(
      'must be redis://user:password@host:port/number; all but the host may be left out',
    );
  return value;
};

export const path: Parser<string> = (value) => {
  if (!/^\/[\w\-./~%]*$/.test(value)) throw new InvalidValueError('must be a path that begins with /');
  return value;
};

/** Comma or newline separated, blanks around an item dropped; at least one item. */
export const list: Parser<readonly string[]> = (value) => {
  const items = value
    .split(/[,\n]/)
    .map((item) => item.trim())
    .filter((item) => item !== '');
  if (items.length === 0) throw new InvalidValueError('must hold at least one item');
  return items;
};

/** Hosts as they stand in a URL: `host` or `host:port`. */
export const hosts: Parser<readonly string[]> = (value) =>
  list(value).map((item) => {
    const url = URL.canParse(`https://${item}`) ? new URL(`https://${item}`) : undefined;
    // What comes back longer or shorter had a path, a user or a query in it.
    if (!url || url.href !== `https://${url.host}/` || /[/@?#\s]/.test(item))
      throw new InvalidValueError('must be hosts (host or host:port), separated by commas or newlines');
    return url.host;
  });

export interface ApiKey {
  readonly name: string;
  readonly key: string;
}

/** `name:key` pairs; a name may come more than once, a key belongs to one name only. */
export const apiKeys: Parser<readonly ApiKey[]> = (value) => {
  const keys = list(value).map((item) => {
    const pair = /^([\w.-]{1,64}):([\x21-\x7e]+)$/.exec(item);
    if (!pair) throw new InvalidValueError('must be name:key pairs, separated by commas or newlines');
    return { name: pair[1]!, key: pair[2]! };
  });
  if (new Set(keys.map(({ key }) => key)).size < keys.length)
    throw new InvalidValueError('must not hold a key twice');
  return keys;
};

/** What callers may be allowed to do. Every route that is not open needs one of these. */
export const SCOPES = [
  'kigo:read',
  'kiip:write',
  'ledger:read',
  'ledger:decide',
  'deliveries:manage',
] as const;

export type Scope = (typeof SCOPES)[number];

export const callerScopes: Parser<Readonly<Record<string, readonly Scope[]>>> = (value) => {
  const parsed = json(value);
  if (!isRecord(parsed)) throw new InvalidValueError('must be a JSON object of {"<caller>": ["<scope>"]}');
  const known: readonly unknown[] = SCOPES;
  for (const given of Object.values(parsed))
    if (!Array.isArray(given) || !given.every((scope) => known.includes(scope)))
      throw new InvalidValueError(`every caller needs a list of scopes: ${SCOPES.join(', ')}`);
  // Without a prototype: a caller called "constructor" is none that was configured.
  return Object.assign(Object.create(null) as Record<string, Scope[]>, parsed);
};

export interface Currency {
  readonly name: string;
  readonly max_quantity: number;
}

export const currencies: Parser<Readonly<Record<string, Currency>>> = (value) => {
  const parsed = json(value);
  if (!isRecord(parsed))
    throw new InvalidValueError('must be a JSON object of {"<content>": {"name", "max_quantity"}}');
  for (const currency of Object.values(parsed)) {
    if (!isRecord(currency) || typeof currency['name'] !== 'string' || currency['name'] === '')
      throw new InvalidValueError('every currency needs a "name"');
    const max = currency['max_quantity'];
    if (!Number.isInteger(max) || Number(max) < 1)
      throw new InvalidValueError('every "max_quantity" must be a positive integer');
  }
  // Without a prototype: a content called "constructor" is none that was configured.
  return Object.assign(Object.create(null) as Record<string, Currency>, parsed);
};

/** Where ledger events go (contract, "Deliveries"). */
export interface Consumer {
  readonly name: string;
  readonly url: string;
  /** All of them sign, so that they can be changed without a gap. */
  readonly secrets: readonly string[];
  readonly events: readonly string[];
  /** Events that share this member of the ledger row arrive one after the other; in any order without. */
  readonly order_by?: 'user_id';
  /** Deliveries that each replica may have under way at once. */
  readonly concurrency: number;
}

/** What can happen that a consumer may hear of. */
const KNOWN_EVENTS = ['kiip.currency.issued'];
const DEFAULT_CONCURRENCY = 8;
const MAX_CONCURRENCY = 256;

export const consumers: Parser<readonly Consumer[]> = (value) => {
  const parsed = json(value);
  if (!Array.isArray(parsed)) throw new InvalidValueError('must be a JSON list of consumers');
  const read = parsed.map(consumer);
  if (new Set(read.map(({ name }) => name)).size < read.length)
    throw new InvalidValueError('every consumer needs a "name" of its own');
  return read;
};

function consumer(value: unknown): Consumer {
  if (!isRecord(value)) throw new InvalidValueError('every consumer must be an object');
  const { name, url, secrets, events, order_by, concurrency = DEFAULT_CONCURRENCY, ...others } = value;
  if (Object.keys(others).length > 0)
    throw new InvalidValueError(
      'every consumer may have "name", "url", "secrets", "events", "order_by" and "concurrency" alone',
    );
  if (typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name))
    throw new InvalidValueError('every consumer needs a "name" of letters, digits, dots, dashes');
  if (typeof url !== 'string') throw new InvalidValueError('every consumer needs a "url"');
  const { username, password, hash } = parseUrl(url, ['http:', 'https:'], 'every "url" of a consumer ');
  if (username || password || hash)
    throw new InvalidValueError('every "url" of a consumer must be without credentials and fragment');
  if (!isNonEmptyStringArray(secrets) || !secrets.every(isWebhookSecret))
    throw new InvalidValueError('every consumer needs "secrets": whsec_ and Base64');
  if (!isNonEmptyStringArray(events) || !events.every((event) => KNOWN_EVENTS.includes(event)))
    throw new InvalidValueError(`every consumer needs "events", each one of ${KNOWN_EVENTS.join(', ')}`);
  if (order_by !== undefined && order_by !== 'user_id')
    throw new InvalidValueError('the "order_by" of a consumer must be user_id');
  const places = Number(concurrency);
  if (!Number.isInteger(concurrency) || places < 1 || places > MAX_CONCURRENCY)
    throw new InvalidValueError(`the "concurrency" of a consumer must be 1 to ${MAX_CONCURRENCY}`);
  return { name, url, secrets, events, ...(order_by && { order_by }), concurrency: places };
}

/** `whsec_` and a key in Base64 (Standard Webhooks). What reads it in the end is asked whether it can. */
function isWebhookSecret(text: string): boolean {
  if (!/^whsec_./.test(text)) return false;
  try {
    return Boolean(new Webhook(text));
  } catch {
    return false;
  }
}

function decimal(value: string): number {
  const number = /^(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(value) ? Number(value) : Number.NaN;
  return Number.isFinite(number) ? number : Number.NaN;
}

function parseUrl(value: string, protocols: string[], what = ''): URL {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !protocols.includes(url.protocol))
    throw new InvalidValueError(
      `${what}must be a URL that begins with ${protocols.map((name) => `${name}//`).join(' or ')}`,
    );
  return url;
}

function json(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    // The parser's own message quotes the text, which may hold a secret.
    throw new InvalidValueError('must be valid JSON');
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNonEmptyStringArray(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string');
}
