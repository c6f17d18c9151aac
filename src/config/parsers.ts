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

/** Two connections for each kind of work, so that none waits behind a single slow statement. */
export const poolSize: Parser<number> = (value) => {
  const number = decimal(value);
  if (!Number.isSafeInteger(number) || number < 6)
    throw new InvalidValueError('must be a whole number of at least 6');
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
    const found = allowed.find((name) => name === value.toLowerCase());
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
    // What was checked is used: without the blanks around it, for instance.
    return url.href;
  };
}

const MUST_BE_ENCODED =
  'is not a valid URL: in the user and the password, percent-encode # as %23, / as %2F, ? as %3F, @ as %40, : as %3A, % as %25';

/** A connection string. A character of the password that is not encoded can make a URL of it that names another host. */
export const databaseUrl: Parser<string> = (value) => {
  const protocols = ['postgres:', 'postgresql:'];
  const begins = protocols.some((protocol) => value.trim().toLowerCase().startsWith(`${protocol}//`));
  if (!begins) return parseUrl(value, protocols).href;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const { hash, pathname, search, username, password } = url ?? { hash: '#' };
  const rest = `${pathname}${search}`;
  const isDecodable = !/%(?![\da-f]{2})/i.test(`${username}${password}`);
  if (!url || hash !== '' || rest.includes('@') || !isDecodable) throw new InvalidValueError(MUST_BE_ENCODED);
  return url.href;
};

/** The URL of a proxy, with or without credentials. A host without a scheme is taken as http, as other programs do. */
export const urlOfProxy: Parser<string> = (value) =>
  parseUrl(/^[\w.-]+(:\d+)?\/?$/.test(value.trim()) ? `http://${value.trim()}` : value, WEB).href;

/** An address or a name, an IPv6 address with or without brackets. */
export const listenHost: Parser<string> = (value) => singleLine(value.trim()).replace(/^\[(.*)\]$/, '$1');

/** `redis://[user[:password]@]host[:port][/database]`, also with `rediss:`. */
export const redisUrl: Parser<string> = (value) => {
  const url = parseUrl(value, ['redis:', 'rediss:']);
  const decodable = !/%(?![0-9a-f]{2})/i.test(url.username + url.password);
  if (url.hostname === '' || !/^(\/\d*)?$/.test(url.pathname) || !decodable)
    throw new InvalidValueError('must be redis://user:password@host:port/number; only the host is required');
  return url.href;
};

export const redisUrls: Parser<readonly string[]> = (value) => list(value).map(redisUrl);

export const keyPrefix: Parser<string> = (value) => {
  if (!/^[\w.:-]{1,64}$/.test(value))
    throw new InvalidValueError('must be 1 to 64 letters, digits, colons, dots, dashes or underscores');
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

export const ratio: Parser<number> = (value) => {
  const number = decimal(value);
  if (!(number >= 0 && number <= 1)) throw new InvalidValueError('must be a number from 0 to 1');
  return number;
};

/** `key=value` pairs, separated by commas; values may be percent-encoded. */
export const keyValues: Parser<Readonly<Record<string, string>>> = (value) =>
  Object.fromEntries(
    list(value).map((item) => {
      const pair = /^([^=\s]+)\s*=\s*(.*)$/.exec(item);
      try {
        return [pair![1]!, decodeURIComponent(pair![2]!)];
      } catch {
        throw new InvalidValueError('must be key=value pairs, separated by commas; values percent-encoded');
      }
    }),
  );

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
const INVALID_QUANTITIES = 'every "quantities" must be a list of positive integers of at most nine digits';
const MAX_QUANTITY = 999_999_999;

const CURRENCY = z.strictObject(
  {
    name: z.string(NAME_REQUIRED).min(1, NAME_REQUIRED),
    max_quantity: z.int(INVALID_MAX_QUANTITY).positive(INVALID_MAX_QUANTITY).optional(),
    quantities: z
      .array(
        z.int(INVALID_QUANTITIES).positive(INVALID_QUANTITIES).max(MAX_QUANTITY, INVALID_QUANTITIES),
        INVALID_QUANTITIES,
      )
      .min(1, INVALID_QUANTITIES)
      .readonly()
      .optional(),
  },
  {
    error: ({ code }) =>
      code === 'unrecognized_keys'
        ? 'every currency may only have "name", "max_quantity" and "quantities"'
        : NAME_REQUIRED,
  },
);

export type Currency = Readonly<z.infer<typeof CURRENCY>>;

export const currencies = json(
  z
    .record(z.string(), CURRENCY, {
      error: 'must be a JSON object of {"<content>": {"name", "max_quantity"}}',
    })
    .transform(withoutPrototype),
);

/**
 * Whether callbacks for two of the currencies can share a signed text: Kiip signs content, name and quantity without separators
 * (docs/vendors/kiip.md, 8), so the first digits of a quantity may belong to the text in front of it.
 * @param legacy whether redemptions may be signed without the name
 */
export function haveSharedTexts(all: Readonly<Record<string, Currency>>, legacy: boolean): boolean {
  const texts = Object.entries(all).flatMap(([content, currency]) => [
    { currency, formulas: ['issuance', ...(legacy ? ['redemption'] : [])], text: content },
    { currency, formulas: ['redemption'], text: content + currency.name },
  ]);
  return texts.some((shorter, index) =>
    texts.some(
      (longer, other) =>
        index !== other &&
        shorter.formulas.some((formula) => longer.formulas.includes(formula)) &&
        sharesQuantity(shorter, longer),
    ),
  );
}

interface SignedBeginning {
  readonly currency: Currency;
  readonly text: string;
}

function sharesQuantity(shorter: SignedBeginning, longer: SignedBeginning): boolean {
  if (!longer.text.startsWith(shorter.text)) return false;
  const digits = longer.text.slice(shorter.text.length);
  if (!/^([1-9][0-9]{0,7})?$/.test(digits)) return false;
  const candidates = longer.currency.quantities ?? smallestQuantities(shorter.currency, digits);
  return candidates.some(
    (quantity) => allows(longer.currency, quantity) && allows(shorter.currency, Number(digits + quantity)),
  );
}

/** Quantities behind the digits that could make a quantity of the shorter text. A limit only excludes large ones, so 1 is enough. */
function smallestQuantities({ quantities }: Currency, digits: string): number[] {
  if (!quantities) return [1];
  return quantities
    .map(String)
    .filter((quantity) => quantity.startsWith(digits))
    .map((quantity) => quantity.slice(digits.length))
    .filter((rest) => /^[1-9]/.test(rest))
    .map(Number);
}

function allows({ max_quantity, quantities }: Currency, quantity: number): boolean {
  return (
    quantity <= Math.min(max_quantity ?? MAX_QUANTITY, MAX_QUANTITY) &&
    (quantities === undefined || quantities.includes(quantity))
  );
}

const EVENTS = ['kiip.currency.issued'] as const;
const DEFAULT_CONCURRENCY = 8;
const MAX_CONCURRENCY = 256;

/** How to make the secret of a consumer. */
export const NEW_WEBHOOK_SECRET = 'echo "whsec_$(openssl rand -base64 32)"';

/** Says which consumer it is: `path` begins with its place in the list. */
const INVALID_SECRETS = {
  error: ({ path = [] }: { readonly path?: readonly PropertyKey[] }) =>
    `consumer ${Number(path[0]) + 1} of the list needs "secrets": whsec_ and Base64, as ${NEW_WEBHOOK_SECRET} prints`,
};
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

const INVALID_ORIGIN =
  'must be a JSON object of {"kigo", "kiip", "wallet"} and optionally "redis", each an origin that begins with https://, or with http:// on loopback';
const ORIGIN = z.string(INVALID_ORIGIN).refine(isPrivateOrigin, INVALID_ORIGIN);

/** Where a page may send requests to, and what it may have in a frame. */
export const sandboxOrigins = json(
  z
    .strictObject({ kigo: ORIGIN, kiip: ORIGIN, wallet: ORIGIN, redis: ORIGIN.optional() }, INVALID_ORIGIN)
    .readonly(),
);

/** Written as browsers do, so that it is one source of a content security policy. */
function isPrivateOrigin(value: string): boolean {
  if (!hasProtocol(value, WEB)) return false;
  const { origin, protocol, hostname } = new URL(value);
  return value === origin && (protocol === 'https:' || isLoopback(hostname));
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
