import { Webhook } from 'standardwebhooks';
import { z } from 'zod';

/**
 * Turns the string of a variable into its value.
 * @throws InvalidValueError whose message never quotes the string
 */
export type Parser<T> = (value: string) => T;

export class InvalidValueError extends Error {}

/** Node.js fires a timer of more than 2^31 - 1 ms at once. This limit leaves room for margins that are added to a duration. */
const MAX_DURATION_MS = 2_000_000_000;

const WEB = ['http:', 'https:'];

/** One line. A line break would end a header early; usually it is a second newline at the end of a secret's file. */
export const singleLine: Parser<string> = (value) => {
  if (/\p{Cc}/u.test(value))
    throw new InvalidValueError('must not contain line breaks or other control characters');
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

/** A duration for timers, in milliseconds. */
export const durationMs: Parser<number> = (value) => Math.min(positive(value), MAX_DURATION_MS);

/** A duration for timers, in seconds. */
export const durationSeconds: Parser<number> = (value) => Math.min(positive(value), MAX_DURATION_MS / 1000);

export const zeroOrMore: Parser<number> = (value) => {
  const number = decimal(value);
  if (!(number >= 0)) throw new InvalidValueError('must be zero or a positive number');
  return number;
};

export const wholeNumber: Parser<number> = (value) => {
  const number = decimal(value);
  if (!Number.isSafeInteger(number) || number < 0)
    throw new InvalidValueError('must be a whole number, zero or more');
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
  const url = parseUrl(value, WEB);
  if (hasCredentials(value)) throw new InvalidValueError('must not contain credentials');
  if (url.search || url.hash) throw new InvalidValueError('must not have a query or a fragment');
  return url.href.replace(/\/+$/, '');
};

export function urlOf(...protocols: string[]): Parser<string> {
  return (value) => {
    const url = parseUrl(value, protocols);
    if (url.protocol.startsWith('http') && hasCredentials(value))
      throw new InvalidValueError('must not contain credentials');
    return value;
  };
}

/** `redis://[user[:password]@]host[:port][/database]`, also with `rediss:`. */
export const redisUrl: Parser<string> = (value) => {
  const url = parseUrl(value, ['redis:', 'rediss:']);
  const decodable = !/%(?![0-9a-f]{2})/i.test(url.username + url.password);
  if (url.hostname === '' || !/^(\/\d*)?$/.test(url.pathname) || !decodable)
    throw new InvalidValueError('must be redis://user:password@host:port/number; only the host is required');
  return value;
};

export const path: Parser<string> = (value) => {
  if (!/^\/[\w\-./~%]*$/.test(value)) throw new InvalidValueError('must be a path that begins with /');
  return value;
};

/** At least one item, separated by commas or newlines; spaces around an item are dropped. */
export const list: Parser<readonly string[]> = (value) => {
  const items = value
    .split(/[,\n]/)
    .map((item) => item.trim())
    .filter((item) => item !== '');
  if (items.length === 0) throw new InvalidValueError('must contain at least one item');
  if (items.some((item) => /\p{Cc}/u.test(item)))
    throw new InvalidValueError('must not contain control characters');
  return items;
};

/** Hosts as in a URL: `host` or `host:port`. */
export const hosts: Parser<readonly string[]> = (value) =>
  list(value).map((item) => {
    const url = URL.canParse(`https://${item}`) ? new URL(`https://${item}`) : undefined;
    // A different URL means that the item had a path, a user or a query.
    if (!url || url.href !== `https://${url.host}/` || /[/@?#\s]/.test(item))
      throw new InvalidValueError('must be hosts (host or host:port), separated by commas or newlines');
    return url.host;
  });

export interface ApiKey {
  readonly name: string;
  readonly key: string;
}

/** `name:key` pairs. A name may have several keys; a key belongs to one name. */
export const apiKeys: Parser<readonly ApiKey[]> = (value) => {
  const keys = list(value).map((item) => {
    // A second colon is more likely a mistake than a part of the key.
    const pair = /^([\w.-]{1,64}):([\x21-\x39\x3b-\x7e]+)$/.exec(item);
    if (!pair) throw new InvalidValueError('must be name:key pairs, separated by commas or newlines');
    return { name: pair[1]!, key: pair[2]! };
  });
  if (new Set(keys.map(({ key }) => key)).size < keys.length)
    throw new InvalidValueError('must not contain a key twice');
  return keys;
};

/** What callers may be allowed to do. Every route that is not public requires one of these. */
export const SCOPES = [
  'kigo:read',
  'kiip:write',
  'ledger:read',
  'ledger:decide',
  'deliveries:manage',
] as const;

export type Scope = (typeof SCOPES)[number];

/** What every caller may do without CALLER_SCOPES. Decisions about money and deliveries are for callers that are named. */
export const DEFAULT_SCOPES: readonly Scope[] = ['kigo:read', 'kiip:write', 'ledger:read'];

const SCOPES_REQUIRED = `every caller needs a list of scopes: ${SCOPES.join(', ')}`;

export const callerScopes = json(
  z
    .record(z.string(), z.array(z.enum(SCOPES, SCOPES_REQUIRED), SCOPES_REQUIRED).readonly(), {
      error: 'must be a JSON object of {"<caller>": ["<scope>"]}',
    })
    .transform(withoutPrototype),
);

const NAME_REQUIRED = 'every currency needs a "name"';
const INVALID_MAX_QUANTITY = 'every "max_quantity" must be a positive integer';

const CURRENCY = z.object(
  {
    name: z.string(NAME_REQUIRED).min(1, NAME_REQUIRED),
    max_quantity: z.int(INVALID_MAX_QUANTITY).positive(INVALID_MAX_QUANTITY),
  },
  NAME_REQUIRED,
);

export type Currency = Readonly<z.infer<typeof CURRENCY>>;

export const currencies = json(
  z
    .record(z.string(), CURRENCY, {
      error: 'must be a JSON object of {"<content>": {"name", "max_quantity"}}',
    })
    .transform(withoutPrototype),
);

const EVENTS = ['kiip.currency.issued'] as const;
const DEFAULT_CONCURRENCY = 8;
const MAX_CONCURRENCY = 256;

const INVALID_SECRETS = 'every consumer needs "secrets": whsec_ and Base64';
const INVALID_EVENTS = `every consumer needs "events", each one of ${EVENTS.join(', ')}`;
const INVALID_CONCURRENCY = `the "concurrency" of a consumer must be 1 to ${MAX_CONCURRENCY}`;

/** A receiver of webhooks. */
const CONSUMER = z.strictObject(
  {
    name: z
      .string('every consumer needs a "name"')
      .regex(/^[\w.-]{1,64}$/, 'every consumer needs a "name" of letters, digits, dots, dashes'),
    url: z
      .string('every consumer needs a "url"')
      .refine((url) => hasProtocol(url, WEB), {
        error: `every "url" of a consumer ${describeProtocols(WEB)}`,
        abort: true,
      })
      .refine(
        (url) => !hasCredentials(url) && new URL(url).hash === '',
        'every "url" of a consumer must not contain credentials or a fragment',
      ),
    /** Every event is signed with each of them, so that a secret can be rotated without a gap. */
    secrets: z
      .array(z.string(INVALID_SECRETS).refine(isWebhookSecret, INVALID_SECRETS), INVALID_SECRETS)
      .min(1, INVALID_SECRETS)
      .readonly(),
    events: z.array(z.enum(EVENTS, INVALID_EVENTS), INVALID_EVENTS).min(1, INVALID_EVENTS).readonly(),
    /** Events of ledger entries that share this field arrive one after the other. Without it, in any order. */
    order_by: z.literal('user_id', 'the "order_by" of a consumer must be user_id').optional(),
    /** Its URL may be plain `http://` to another host: for a consumer in the same cluster, without opening the vendors. */
    allow_insecure: z.boolean('the "allow_insecure" of a consumer must be true or false').optional(),
    /** Deliveries that each replica may have in flight at once. */
    concurrency: z
      .int(INVALID_CONCURRENCY)
      .min(1, INVALID_CONCURRENCY)
      .max(MAX_CONCURRENCY, INVALID_CONCURRENCY)
      .default(DEFAULT_CONCURRENCY),
  },
  {
    error: ({ code }) =>
      code === 'unrecognized_keys'
        ? 'every consumer may only have "name", "url", "secrets", "events", "order_by", "concurrency" and "allow_insecure"'
        : 'every consumer must be an object',
  },
);

export type Consumer = Readonly<z.infer<typeof CONSUMER>>;

export const consumers = json(
  z
    .array(CONSUMER, 'must be a JSON list of consumers')
    .refine(
      (all) => new Set(all.map(({ name }) => name)).size === all.length,
      'every consumer needs a unique "name"',
    )
    .readonly(),
);

/** `whsec_` and a key in Base64 (Standard Webhooks), as the library that signs with it decodes it. */
function isWebhookSecret(value: string): boolean {
  if (!/^whsec_./.test(value)) return false;
  try {
    return Boolean(new Webhook(value));
  } catch {
    return false;
  }
}

function decimal(value: string): number {
  const number = /^(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(value) ? Number(value) : Number.NaN;
  return Number.isFinite(number) ? number : Number.NaN;
}

function parseUrl(value: string, protocols: readonly string[]): URL {
  if (!hasProtocol(value, protocols)) throw new InvalidValueError(describeProtocols(protocols));
  return new URL(value);
}

function hasProtocol(value: string, protocols: readonly string[]): boolean {
  return URL.canParse(value) && protocols.includes(new URL(value).protocol);
}

function describeProtocols(protocols: readonly string[]): string {
  return `must be a URL that begins with ${protocols.map((name) => `${name}//`).join(' or ')}`;
}

function hasCredentials(value: string): boolean {
  const { username, password } = new URL(value);
  return username !== '' || password !== '';
}

/** Whether a host, as `URL` writes it, is this machine, so that plain text sent to it does not leave it. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

/** Reads JSON by a schema whose messages are all our own: those of zod and of `JSON.parse` quote the value, which may be a secret. */
function json<T>(schema: z.ZodType<T>): Parser<T> {
  return (value) => {
    const result = schema.safeParse(parseJson(value));
    if (result.success) return result.data;
    throw new InvalidValueError(result.error.issues[0]!.message);
  };
}

function parseJson(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    throw new InvalidValueError('must be valid JSON');
  }
}

/** A name such as "constructor" is then found only if it was configured. */
function withoutPrototype<T>(record: Record<string, T>): Readonly<Record<string, T>> {
  return Object.assign(Object.create(null) as Record<string, T>, record);
}
