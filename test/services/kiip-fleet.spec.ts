import { CallbackSender, isAccepted } from '../support/callback-sender.js';
import type { FeedEntry, CallbackResponse } from '../support/callback-sender.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { credentials, startGateway } from '../support/gateway.js';
import type { Gateway } from '../support/gateway.js';
import { content, formOf, issuance, redemption, transaction } from '../support/kiip.js';
import type { Fields } from '../support/kiip.js';
import { scale } from '../support/scale.js';

const GATEWAYS = 3;
const IDENTICAL = scale(40, 1_000);
const TEXTS = scale(4, 40);
const TRANSACTIONS = scale(3, 20);

describe('three gateways on one PostgreSQL', () => {
  let database: TestDatabase;
  let gateways: Gateway[];
  let origins: string[];
  let sender: CallbackSender;

  beforeAll(async () => {
    database = await newDatabase();
    // Many concurrent callbacks wait for one another here. The timeout only has to be long enough.
    const env = { ...database.env, DATABASE_TIMEOUT_MS: '20000', LOG_LEVEL: 'info' };
    gateways = await Promise.all(Array.from({ length: GATEWAYS }, () => startGateway(env)));
    origins = gateways.map(({ url }) => url);
    sender = new CallbackSender(400, 50_000);
  }, 120_000);
  afterAll(async () => {
    await sender.close();
    await Promise.all(gateways.map((gateway) => gateway.close()));
    await database.drop();
  });

  const originOf = (index: number) => origins[index % GATEWAYS]!;
  /** Sends all callbacks concurrently, spread over the gateways. */
  const sendConcurrently = (callbacks: readonly Fields[]): Promise<CallbackResponse[]> =>
    Promise.all(callbacks.map((fields, index) => sender.callback(originOf(index), fields)));
  const findEntries = async (keep: (entry: FeedEntry) => boolean) =>
    (await sender.ledger(originOf(0))).filter(keep);
  const entriesOfUser = (user: string) => findEntries(({ user_id }) => user_id === user);

  test('store many concurrent identical callbacks as one entry with one delivery job', async () => {
    const fields = redemption({ user_id: 'identical' });
    const body = JSON.stringify(fields);
    const form = formOf(fields);
    const asForm = { 'content-type': 'application/x-www-form-urlencoded' };
    const responses = await Promise.all(
      Array.from({ length: IDENTICAL }, (_, index) =>
        index % 5 === 0
          ? sender.post(originOf(index), form, asForm, '/redemptions')
          : sender.post(originOf(index), body),
      ),
    );

    expect(responses.filter(({ status }) => status !== 200)).toEqual([]);
    expect([outcomes(responses, 'recorded').length, outcomes(responses, 'duplicate').length]).toEqual([
      1,
      IDENTICAL - 1,
    ]);
    const ids = [...new Set(responses.map(({ id }) => id))];
    expect(ids).toHaveLength(1);
    expect(await entriesOfUser('identical')).toMatchObject([
      { id: ids[0], status: 'recorded', quantity: 20 },
    ]);
    expect(
      await database.query(`select l.duplicates, count(o.*)::int as jobs from ledger l left join delivery_outbox o on o.ledger_id = l.id
         where l.user_id = 'identical' group by l.id`),
    ).toEqual([{ duplicates: IDENTICAL - 1, jobs: 1 }]);
  });

  test('credit only one of several concurrent parses of a signed text', async () => {
    const texts = Array.from({ length: TEXTS }, () => parsesOfOneText());
    // Every parse is sent three times, so that each gateway gets it.
    const callbacks = texts.flat().flatMap((fields) => [fields, fields, fields]);
    const responses = await sendConcurrently(shuffled(callbacks));

    expect(responses.filter(({ status }) => status !== 200)).toEqual([]);
    const entries = await findEntries(isParseOf(texts));
    const credits = Map.groupBy(entries.filter(isAccepted), transactionOf);
    expect([...credits.values()].map(({ length }) => length)).toEqual(texts.map(() => 1));
    // No callback is lost: those not credited are quarantined.
    expect(entries).toHaveLength(texts.flat().length);
  });

  test('credit a transaction once when concurrent callbacks contradict each other', async () => {
    const issued = Array.from({ length: TRANSACTIONS }, () => transaction());
    const redeemed = Array.from({ length: TRANSACTIONS }, () => transaction());
    const callbacks = [
      ...issued.flatMap((transaction_id) =>
        contradicting({ transaction_id }).map((fields) => issuance(fields)),
      ),
      ...redeemed.flatMap((transaction_id) =>
        contradicting({ transaction_id }).map((fields) => redemption(fields)),
      ),
    ];
    const responses = await sendConcurrently(shuffled([...callbacks, ...callbacks]));

    expect(responses.filter(({ status }) => status !== 200)).toEqual([]);
    expect(outcomes(responses, 'recorded')).toHaveLength(2 * TRANSACTIONS);
    const ours = new Set([...issued, ...redeemed]);
    const entries = await findEntries(({ transaction_id }) => ours.has(transaction_id));
    const accepted = entries.filter(isAccepted).map(({ transaction_id }) => transaction_id);
    expect(accepted.toSorted()).toEqual([...ours].toSorted());
    expect(entries).toHaveLength(callbacks.length);
  });

  test('reject every concurrent release of a parse whose signed text is already credited', async () => {
    const texts = Array.from({ length: scale(2, 10) }, () => parsesOfOneText());
    // One parse of each text is credited; the others conflict with it.
    await sendConcurrently(texts.flat());
    const waiting = await findEntries((entry) => isParseOf(texts)(entry) && entry.status === 'quarantined');
    expect(waiting.length).toBeGreaterThanOrEqual(texts.length);
    const released = await Promise.all(
      waiting
        .flatMap(({ id }) => origins.map((origin) => `${origin}/api/v1/kiip/issuances/${id}/release`))
        .map(async (url) => (await fetch(url, { method: 'POST', headers: credentials })).status),
    );
    expect(new Set(released)).toEqual(new Set([409]));
    expect(await findEntries((entry) => isParseOf(texts)(entry) && isAccepted(entry))).toHaveLength(
      texts.length,
    );
  });

  test('log no errors during concurrent callbacks and releases', () => {
    const serious = gateways.flatMap((gateway) =>
      gateway.log.filter(({ level }) => level === 'error' || level === 'fatal'),
    );
    expect(serious).toEqual([]);
  });
});

const outcomes = (responses: readonly CallbackResponse[], outcome: string) =>
  responses.filter((response) => response.outcome === outcome);

/** Callbacks of one transaction that contradict each other. */
const contradicting = (fields: Fields): Fields[] => [
  ...[1, 2, 3, 4].map((quantity) => ({ ...fields, quantity })),
  ...['user-1', 'user-2'].map((user_id) => ({ ...fields, user_id })),
];

/** Callbacks with the same signature, each of which is valid alone (docs/vendors/kiip.md, section 8). */
function parsesOfOneText(): Fields[] {
  const transaction_id = transaction();
  const genuine = issuance({ quantity: 20, user_id: '5001', transaction_id, nonce: 'n-0001', origin: 'app' });
  return [
    genuine,
    { ...genuine, quantity: 205, user_id: '001' },
    { ...genuine, quantity: 2050, user_id: '01' },
    { ...genuine, quantity: 20500, user_id: '1' },
    { ...genuine, quantity: 2, user_id: '05001' },
    { ...genuine, nonce: 'n-00', origin: '01app' },
    { ...genuine, nonce: 'n-0001a', origin: 'pp' },
    { ...genuine, transaction_id: `${transaction_id}n`, nonce: '-0001' },
    { ...genuine, content: content.slice(0, -1), quantity: `${content.slice(-1)}20` },
  ];
}

/** The genuine transaction id, also of a parse that adds a character of the nonce to it. */
const transactionOf = ({ transaction_id }: Fields | FeedEntry) => String(transaction_id).slice(0, 36);

function isParseOf(texts: readonly Fields[][]): (entry: FeedEntry) => boolean {
  const transactions = new Set(texts.map(([first]) => transactionOf(first!)));
  return (entry) => transactions.has(transactionOf(entry));
}

/** Shuffles items into an order that is the same in every run. */
function shuffled<T>(items: readonly T[]): T[] {
  let state = 42;
  const keyed = items.map((item) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return { item, key: state };
  });
  return keyed.toSorted((a, b) => a.key - b.key).map(({ item }) => item);
}
