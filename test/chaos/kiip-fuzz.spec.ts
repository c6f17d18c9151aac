import * as fc from 'fast-check';
import type { Environment } from '../../src/config/read-config.js';
import { UserReferencesService } from '../../src/user-references/user-references.service.js';
import { CallbackSender, isAccepted, textOf } from '../support/callback-sender.js';
import type { FeedEntry, CallbackResponse } from '../support/callback-sender.js';
import { startGateway } from '../support/gateway.js';
import { startProcess } from '../support/gateway-process.js';
import { content, formOf, issuance, redemption, sign } from '../support/kiip.js';
import type { Fields } from '../support/kiip.js';
import { problemIn } from '../support/problem.js';
import { newDatabase } from '../support/databases.js';
import { scale } from '../support/scale.js';

/** Set another seed for other bodies: `FUZZ_SEED=7 npm test -- kiip-fuzz`. */
const seed = Number(process.env['FUZZ_SEED'] ?? 20_260_101);
const BODIES = scale(600, 20_000);
/** Genuine callbacks, sent once with known users and once with unknown ones. */
const TEXTS = scale(6, 160);
const SPLITS_PER_TEXT = 32;
const IN_FLIGHT = 24;
/** Only tells a hang from a busy machine; it measures nothing. */
const HANG_MS = 30_000;
const LIMIT_MS = 600_000;

/** Matches transaction ids at every position, including overlapping ones. */
const TRANSACTIONS = /(?=((?:test_)?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}))/g;

/** One request to one of the callback routes. */
interface FuzzRequest {
  readonly route: string;
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array;
}

/** A gateway that is fuzzed. */
interface FuzzedGateway {
  readonly origin: string;
  readonly log: () => Record<string, unknown>[];
  /** Everything on standard error, where it is a process. */
  readonly errors: () => string;
  readonly close: () => PromiseLike<void>;
}

/** The built gateway: only a process of its own ends by what it does not catch. */
async function startBuilt(env: Environment): Promise<FuzzedGateway> {
  const gateway = startProcess(env);
  const origin = await gateway.url();
  await gateway.logged('database ready');
  return { ...gateway, origin, close: () => gateway[Symbol.asyncDispose]() };
}

async function startInProcess(env: Environment): Promise<FuzzedGateway> {
  const gateway = await startGateway(env);
  return {
    origin: gateway.url,
    log: () => gateway.log,
    errors: () => '',
    close: () => gateway.close(),
  };
}

/** A gateway with its own database, in which some users are registered before it starts. */
class LoadRun {
  readonly sender = new CallbackSender(IN_FLIGHT, HANG_MS);
  readonly origin: string;

  private constructor(
    readonly gateway: FuzzedGateway,
    private readonly dropDatabase: () => Promise<void>,
  ) {
    this.origin = gateway.origin;
  }

  static async open(
    start: (env: Environment) => Promise<FuzzedGateway>,
    more: Environment = {},
    knownUsers: readonly string[] = [],
  ): Promise<LoadRun> {
    const database = await newDatabase();
    const known = new UserReferencesService(await database.open());
    for (const user of knownUsers) await known.register(user);
    const env = { ...database.env, LOG_LEVEL: 'info', DATABASE_TIMEOUT_MS: '10000', ...more };
    return new LoadRun(await start(env), () => database.drop());
  }

  /** Starts the items in order, with several in flight at once. */
  async run<T>(items: readonly T[], one: (item: T, index: number) => Promise<void>): Promise<void> {
    const rest = items.entries();
    const worker = async () => {
      for (const [index, item] of rest) await one(item, index);
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  }

  async credited(): Promise<FeedEntry[]> {
    return (await this.sender.ledger(this.origin)).filter(isAccepted);
  }

  async close(): Promise<void> {
    await this.sender.close();
    await this.gateway.close();
    await this.dropDatabase();
  }
}

/** The quantity credited for each signed text, and the users who got it. */
function creditsByText(entries: readonly FeedEntry[]): Map<string, { quantity: number; users: string[] }> {
  const groups = Map.groupBy(entries, textOf);
  return new Map(
    [...groups].map(([text, of]) => [
      text,
      {
        quantity: of.reduce((sum, { quantity, test }) => sum + (test ? 0 : (quantity ?? 0)), 0),
        users: of.map(({ user_id }) => user_id),
      },
    ]),
  );
}

const hex = (length: number) =>
  fc.string({
    unit: fc.constantFrom(...Array.from('0123456789abcdef')),
    minLength: length,
    maxLength: length,
  });
const kiipId = fc.tuple(hex(8), hex(4), hex(4), hex(4), hex(12)).map((parts) => parts.join('-'));
const quantity = fc.oneof(
  fc.constantFrom(1, 10, 20, 100, 120, 999_999_999),
  fc.integer({ min: 1, max: 999_999 }),
);
const word = fc.stringMatching(/^[a-z][a-z_.-]{0,11}$/);
/** Contains what moved boundaries shift: digits, ids and the words that other fields begin or end with. */
const userId = fc.oneof(
  fc.stringMatching(/^[0-9]{1,12}$/),
  fc.stringMatching(/^[0-9]{1,4}[a-z]{1,6}$/),
  fc.stringMatching(/^u[0-9]{1,6}(test_)?$/),
  fc.tuple(kiipId, fc.stringMatching(/^[0-9]{0,2}[a-z]{0,2}$/)).map((parts) => parts.join('')),
  fc.tuple(fc.stringMatching(/^[0-9]{1,3}/), kiipId).map((parts) => parts.join('')),
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 24 })
    .filter((text) => !/[\p{Cc}\p{Cs}]/u.test(text)),
);
const name = fc.oneof(
  fc.constantFrom('Coins', 'Münzen 金', 'Gold Bars', '20% more'),
  fc.stringMatching(/^[A-Z0-9][a-z0-9 ]{0,10}[a-z]$/),
);
const transactionId = fc.oneof(
  { weight: 6, arbitrary: kiipId },
  { weight: 1, arbitrary: kiipId.map((id) => `test_${id}`) },
);

/** Callbacks as Kiip sends them, in every documented shape (docs/vendors/kiip.md, section 6). */
const genuineRedemption = fc
  .record({
    content: fc.oneof(fc.constant(content), kiipId),
    name,
    quantity,
    user_id: userId,
    transaction_id: transactionId,
  })
  .map((fields): Fields => redemption(fields));
const genuineIssuance = fc
  .record({
    content: fc.oneof(fc.constant(content), kiipId, word),
    quantity,
    user_id: userId,
    transaction_id: transactionId,
    nonce: fc.oneof(fc.stringMatching(/^n-[0-9]{4}$/), kiipId, fc.stringMatching(/^[0-9a-z]{1,8}$/)),
    origin: fc.constantFrom('survey', 'other', 'install', 'purchase'),
  })
  .map((fields): Fields => issuance(fields));
const genuine = fc.oneof(genuineRedemption, genuineIssuance);
/** Configured currencies whose names and contents end in digits: only the configuration tells where they end. */
const currencies = {
  [content]: { name: 'Gold1', max_quantity: 999_999_999 },
  coins2: { name: 'Level 20', max_quantity: 999_999_999 },
};
const withListedCurrency = genuine.chain((fields) =>
  fc
    .constantFrom(...Object.entries(currencies))
    .map(([id, { name: called }]) =>
      'name' in fields
        ? redemption({ ...unsigned(fields), content: id, name: called })
        : issuance({ ...unsigned(fields), content: id }),
    ),
);

const JSON_TYPE = { 'content-type': 'application/json' };
const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' };

describe('POST /callbacks/kiip with random bodies', () => {
  let loadRun: LoadRun;
  /** Every text for which these tests create a signature. */
  const signed = new Set<string>();
  const keep = (text: string) => {
    signed.add(text);
    return text;
  };
  const kept = genuine.map((fields) => {
    keep(signedTextOf(fields));
    return fields;
  });
  beforeAll(async () => {
    loadRun = await LoadRun.open(startBuilt);
  }, LIMIT_MS);
  afterAll(() => loadRun.close());

  const unusualValue = fc.oneof(
    fc.constantFrom<unknown>(
      '',
      '020',
      '20.0',
      '2e1',
      '+20',
      '２０',
      '\0',
      '\uD800',
      null,
      true,
      [],
      {},
      [1],
      -0,
    ),
    fc.constantFrom<unknown>(2 ** 53 + 1, 1.5, 'x'.repeat(300), 'ß'.repeat(5_000), '__proto__', 0, -20),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const fieldName = fc.oneof(
    fc.constantFrom('content', 'name', 'quantity', 'user_id', 'userid', 'transaction_id', 'nonce', 'origin'),
    fc.constantFrom('signature', '__proto__', 'constructor', 'toString', 'user_id[]', ''),
  );

  /** Genuine fields with one to three changed, removed or added; sometimes signed again. */
  const mutated = fc
    .tuple(
      kept,
      fc.array(fc.tuple(fieldName, fc.option(unusualValue, { nil: undefined })), {
        minLength: 1,
        maxLength: 3,
      }),
      fc.boolean(),
    )
    .map(([fields, changes, resigned]): Record<string, unknown> => {
      const changed = Object.fromEntries(
        Object.entries({ ...fields, ...Object.fromEntries(changes) }).filter(
          ([, value]) => value !== undefined,
        ),
      ) as Record<string, unknown>;
      return resigned ? { ...changed, signature: sign([keep(signedTextOf(changed))]) } : changed;
    });
  /** Genuine bytes with a few of them changed, and sometimes truncated. */
  const damaged = fc
    .tuple(
      kept,
      fc.boolean(),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 }),
      fc.option(fc.nat(), { nil: undefined }),
    )
    .map(([fields, form, changes, cut]) => {
      const bytes = Buffer.from(form ? formOf(fields) : JSON.stringify(fields));
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      return cut === undefined ? bytes : bytes.subarray(0, cut % bytes.length);
    });
  const form = fc
    .array(fc.tuple(fc.oneof(fieldName, fc.string()), fc.string({ unit: 'grapheme' })), { maxLength: 12 })
    .map((pairs) => String(new URLSearchParams(pairs)));
  const oversized = fc.oneof(
    fc.constantFrom(
      '['.repeat(8_000),
      '{"a":'.repeat(3_000),
      `{"user_id":${'['.repeat(8_000)}${']'.repeat(8_000)}}`,
    ),
    fc.constantFrom(
      'x'.repeat(16 * 1_024),
      'x'.repeat(16 * 1_024 + 1),
      `"${'\\"'.repeat(8_000)}"`,
      '&='.repeat(8_000),
    ),
    fc.integer({ min: 1, max: 40 }).map((times) => JSON.stringify(long(times))),
  );
  const body = fc.oneof(
    { weight: 6, arbitrary: mutated.map((fields) => JSON.stringify(fields)) },
    { weight: 3, arbitrary: mutated.map((fields) => formOf(texts(fields))) },
    { weight: 4, arbitrary: damaged },
    { weight: 2, arbitrary: kept.map((fields) => JSON.stringify(fields)) },
    { weight: 2, arbitrary: fc.json({ maxDepth: 4 }) },
    { weight: 2, arbitrary: form },
    { weight: 2, arbitrary: fc.uint8Array({ maxLength: 200 }) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 200 }) },
    { weight: 1, arbitrary: oversized },
  );
  const headers = fc.oneof(
    { weight: 8, arbitrary: fc.constant<Record<string, string>>(JSON_TYPE) },
    { weight: 6, arbitrary: fc.constant<Record<string, string>>(FORM_TYPE) },
    { weight: 1, arbitrary: fc.constant<Record<string, string>>({}) },
    {
      weight: 2,
      arbitrary: fc
        .oneof(
          fc.constantFrom(
            '',
            'APPLICATION/JSON',
            'application/json; charset=utf-8',
            'application/json;charset=utf-16',
          ),
          fc.constantFrom(
            'application/json, text/plain',
            'multipart/form-data; boundary=x',
            'text/plain',
            '*/*',
            ';',
          ),
          fc.constantFrom(
            'application/x-www-form-urlencoded; charset=latin1',
            'application/problem+json',
            'json',
          ),
          fc.stringMatching(/^[!-~]{1,40}$/),
        )
        .map((type): Record<string, string> => ({ 'content-type': type })),
    },
  );
  const route = fc.constantFrom('', '', '', '', '/redemptions', '/issuances');
  const fuzzRequest: fc.Arbitrary<FuzzRequest> = fc.record({ route, headers, body });

  test(
    `responds 200, 4xx or 503 and credits only signed texts (${BODIES} bodies, seed ${seed})`,
    async () => {
      const requests = fc.sample(fuzzRequest, { numRuns: BODIES, seed });
      const statuses = new Map<number, number>();
      await loadRun.run(requests, async ({ route, headers, body }, index) => {
        const describeRequest = () =>
          `body ${index} of seed ${seed}: ${route} ${JSON.stringify(headers)} ${quoted(body)}`;
        const response = await loadRun.sender
          .post(loadRun.origin, body, headers, route)
          .catch((error: unknown) => {
            throw new Error(`no response to ${describeRequest()}`, { cause: error });
          });
        statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
        try {
          inspect(response);
        } catch (error) {
          throw new Error(`status ${response.status} ${response.text} for ${describeRequest()}`, {
            cause: error,
          });
        }
      });
      console.info(`seed ${seed}: ${JSON.stringify(Object.fromEntries(statuses))}`);
      // The bodies reach every decision.
      for (const status of [200, 400, 401, 413, 415])
        expect(statuses.get(status)).toBeGreaterThan(BODIES / 200);
      expect([...statuses.values()].reduce((sum, count) => sum + count)).toBe(BODIES);

      for (let times = 1; times <= 40; times += 1) keep(signedTextOf(long(times)));
      const credited = (await loadRun.credited()).map(textOf);
      expect(credited.filter((text) => !signed.has(text))).toEqual([]);
      expect(new Set(credited).size).toBe(credited.length);
      expect(credited.length).toBeGreaterThan(BODIES / 40);
    },
    LIMIT_MS,
  );

  test('still records a valid callback after the random bodies and logs no errors', async () => {
    const { outcome } = await loadRun.sender.callback(loadRun.origin, redemption({ user_id: 'afterwards' }));
    expect(outcome).toBe('recorded');
    const serious = loadRun.gateway.log().filter(({ level }) => level === 'error' || level === 'fatal');
    expect([serious, loadRun.gateway.errors()]).toEqual([[], '']);
  });
});

describe.each([
  { whose: 'is known', known: true },
  { whose: 'is not known', known: false },
  {
    whose: 'is known and whose configured currency ends in a digit',
    known: true,
    listed: true,
  },
])('another split of a genuine signed text whose user $whose', ({ known, listed = false }) => {
  const texts = fc
    .sample(listed ? withListedCurrency : genuine, {
      numRuns: listed ? TEXTS / 2 : TEXTS,
      seed: known ? seed : seed + 1,
    })
    .filter(unique());
  const sent = new Set<string>();
  let loadRun: LoadRun;
  beforeAll(async () => {
    // The legacy scheme allows one more parse of a text.
    const env = {
      KIIP_LEGACY_SIGNATURE: 'true',
      ...(listed ? { KIIP_CURRENCIES: JSON.stringify(currencies) } : {}),
    };
    loadRun = await LoadRun.open(
      startInProcess,
      env,
      known ? texts.map(({ user_id }) => String(user_id)) : [],
    );
  }, LIMIT_MS);
  afterAll(() => loadRun.close());

  /** Sends the same number of splits for every text, different ones in every round. */
  const sendSplits = async (round: number) => {
    const splits = texts.flatMap((fields, index) =>
      fc
        .sample(splitDifferently(fields), { numRuns: SPLITS_PER_TEXT, seed: seed + 7 * index + round })
        .filter((split) => signedTextOf(split) === signedTextOf(fields) && !isSame(split, fields)),
    );
    await loadRun.run(splits, async (split, index) => {
      sent.add(formOf(split));
      const asForm = index % 2 === 0;
      const response = await (asForm
        ? loadRun.sender.post(loadRun.origin, formOf(split), FORM_TYPE)
        : loadRun.sender.callback(loadRun.origin, split));
      inspect(response);
      // Every signature is valid. A lone surrogate is malformed in JSON; a form replaces it, which invalidates the signature.
      const wellFormed = Object.values(split).every((text) => String(text).isWellFormed());
      const errorStatus = asForm ? 401 : 400;
      expect(response.status).toBe(wellFormed ? 200 : errorStatus);
    });
  };
  const sendGenuine = () =>
    loadRun.run(texts, async (fields) => {
      expect((await loadRun.sender.callback(loadRun.origin, fields)).status).toBe(200);
    });

  /** Finds texts that are credited with too much, twice, or to another user. */
  const findWrongCredits = async () => {
    const credits = creditsByText(await loadRun.credited());
    return texts
      .map((fields) => ({ fields, ...credits.get(signedTextOf(fields)) }))
      .filter(
        ({ fields, quantity = 0, users = [] }) =>
          quantity > earned(fields) || users.length > 1 || users.some((user) => user !== fields['user_id']),
      );
  };

  test(
    `is not credited ${known ? 'before or after' : 'after'} the genuine callback (seed ${seed})`,
    async () => {
      for (const send of known ? [() => sendSplits(1), sendGenuine] : [sendGenuine]) {
        await send();
        expect(await findWrongCredits()).toEqual([]);
      }
      // Many genuine callbacks are credited; otherwise the second round would prove nothing.
      const credited = (await loadRun.credited()).length;
      expect(credited).toBeGreaterThan(texts.length / 4);
      await sendSplits(2);
      expect(await findWrongCredits()).toEqual([]);
      const log = loadRun.gateway.log().filter(({ level }) => level === 'error' || level === 'fatal');
      expect(log).toEqual([]);
      console.info(
        `seed ${seed}: ${sent.size} splits of ${texts.length} texts, ${credited} of them credited`,
      );
      // With all texts, these are more than ten thousand different bodies.
      expect(sent.size).toBeGreaterThan((known ? 2 : 1) * texts.length * SPLITS_PER_TEXT * 0.68);
    },
    LIMIT_MS,
  );
});

function unsigned(signed: Fields): Fields {
  const { signature: _, ...fields } = signed;
  return fields;
}

/** The text that the signature covers, without fields that are absent. */
function signedTextOf(fields: Record<string, unknown>): string {
  return ['content', 'name', 'quantity', 'user_id', 'transaction_id', 'nonce', 'origin']
    .map((field) => asText(fields[field] ?? ''))
    .join('')
    .toWellFormed();
}

/** The text of a value in a form: a string as it is, any other value as JSON. */
function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function texts(fields: Record<string, unknown>): Fields {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, asText(value)]));
}

/** Test rewards are not credited. */
const earned = ({ quantity, transaction_id }: Fields) =>
  String(transaction_id).startsWith('test_') ? 0 : Number(quantity);

/** Offsets at which the quantity, the user and the transaction begin, and at which the transaction ends. */
type Bounds = readonly [quantity: number, user: number, transaction: number, end: number];

/** Finds every position in a text where a quantity, a user and a transaction could follow one another. */
function boundsIn(text: string): Bounds[] {
  return [...text.matchAll(TRANSACTIONS)].flatMap(({ index: start, 1: id = '' }) =>
    Array.from({ length: Math.min(start, 80) }, (_, back) => start - 1 - back).flatMap((user) =>
      Array.from({ length: Math.min(user, 9) }, (_, back) => user - 1 - back)
        .filter((quantity) => quantity > 0 && /^[1-9][0-9]*$/.test(text.slice(quantity, user)))
        .map((quantity): Bounds => [quantity, user, start, start + id.length]),
    ),
  );
}

/** The same signed text, split at other positions: mostly into valid fields, in any of the formats. */
function splitDifferently(fields: Fields): fc.Arbitrary<Fields> {
  const text = signedTextOf(fields);
  const splitAt = ([quantity, user, transaction, end]: Bounds, head: number, tail: number): Fields => {
    const common = {
      quantity: text.slice(quantity, user),
      user_id: text.slice(user, transaction),
      transaction_id: text.slice(transaction, end),
      signature: sign([text]),
    };
    const front = text.slice(0, quantity);
    const back = text.slice(end);
    // Shifted bounds may lose or repeat a character. Such a split is filtered out because its text differs.
    if (back.length > 1) {
      const middle = 1 + (tail % (back.length - 1));
      return { ...common, content: front, nonce: back.slice(0, middle), origin: back.slice(middle) };
    }
    // A legacy redemption, which has no name, or a redemption whose content may be an id.
    if (head % 4 === 0) return { ...common, content: front };
    const middle = head % 4 === 1 ? head % (front.length + 1) : Math.min(36, front.length);
    return { ...common, content: front.slice(0, middle), name: front.slice(middle) };
  };
  const start = String(fields['content']).length + String(fields['name'] ?? '').length;
  const user = start + String(fields['quantity']).length;
  const transaction = user + String(fields['user_id']).length;
  const end = transaction + String(fields['transaction_id']).length;
  const shift = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.integer({ min: -4, max: 4 }));
  const shifted = fc
    .tuple(shift, shift, shift, shift)
    .map(([a, b, c, d]): Bounds => [start + a, user + b, transaction + c, end + d]);
  const bounds = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...boundsIn(text)) },
    { weight: 1, arbitrary: shifted },
  );
  return fc.tuple(bounds, fc.nat(), fc.nat()).map(([at, head, tail]) => splitAt(at, head, tail));
}

const isSame = (one: Fields, other: Fields) =>
  Object.keys({ ...one, ...other }).every((field) => String(one[field]) === String(other[field]));

/** Returns a filter that keeps the first callback of every signed text. */
function unique(): (fields: Fields) => boolean {
  const seen = new Set<string>();
  return (fields) => {
    const { size } = seen;
    return seen.add(signedTextOf(fields)).size > size;
  };
}

/** A genuine callback longer than any that Kiip sends, with as many parses as possible. */
function long(times: number): Fields {
  const transaction_id = '5473ca54-59a5-cf65-d319-c91697297fcc';
  const user_id = `${'1'.repeat(times)}${transaction_id}`.repeat(times);
  return times % 2 === 0
    ? redemption({ user_id, transaction_id })
    : issuance({ user_id: '1', transaction_id, nonce: user_id });
}

/** Checks that the status is 200, 4xx or 503 and that the body fits it. */
function inspect(response: CallbackResponse): void {
  const { status, outcome = '', id = '' } = response;
  if (status !== 200) problemIn(response);
  const fits =
    status === 200
      ? ['recorded', 'quarantined', 'duplicate'].includes(outcome) && /^iss_[0-9a-f]{32}$/.test(id)
      : status === 503 || (status >= 400 && status < 500);
  if (!fits) throw new Error(`status ${status}: ${response.text}`);
}

function quoted(body: string | Uint8Array): string {
  return typeof body === 'string'
    ? JSON.stringify(body).slice(0, 1_000)
    : `base64 ${Buffer.from(body).toString('base64')}`;
}
