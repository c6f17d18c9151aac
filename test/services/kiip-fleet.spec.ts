import { CallbackSender, isAccepted } from '../support/callback-sender.js';
import type { FeedRow, SentAnswer } from '../support/callback-sender.js';
import { credentials } from '../support/gateway.js';
import { startProcess } from '../support/gateway-process.js';
import type { GatewayProcess } from '../support/gateway-process.js';
import { content, formOf, issuance, redemption, transaction } from '../support/kiip.js';
import type { Fields } from '../support/kiip.js';
import { findPostgres, PostgresServer } from '../support/postgres.js';

const PROCESSES = 3;
const bin = findPostgres();
const onPostgres = bin === undefined ? describe.skip : describe;

onPostgres('three gateways on one PostgreSQL', () => {
  let server: PostgresServer;
  let gateways: GatewayProcess[];
  let origins: string[];
  let sender: CallbackSender;

  beforeAll(async () => {
    server = await PostgresServer.create(bin ?? '');
    // A thousand at once wait for one another here: the limit is never the measure.
    const env = { DATABASE_URL: server.url('postgres'), DATABASE_TIMEOUT_MS: '20000', LOG_LEVEL: 'info' };
    gateways = Array.from({ length: PROCESSES }, () => startProcess(env));
    origins = await Promise.all(gateways.map((gateway) => gateway.url()));
    sender = new CallbackSender(400, 50_000);
    await Promise.all(gateways.map((gateway) => gateway.logged('database ready')));
  }, 120_000);
  afterAll(async () => {
    await sender.close();
    await Promise.all(gateways.map((gateway) => gateway[Symbol.asyncDispose]()));
    await server.destroy();
  });

  const originOf = (index: number) => origins[index % PROCESSES]!;
  /** All of them at once, spread over the processes. */
  const atOnce = (callbacks: readonly Fields[]): Promise<SentAnswer[]> =>
    Promise.all(callbacks.map((fields, index) => sender.callback(originOf(index), fields)));
  const rowsOf = async (keep: (row: FeedRow) => boolean) => (await sender.ledger(originOf(0))).filter(keep);
  const ofUser = (user: string) => rowsOf(({ user_id }) => user_id === user);

  test('give one id, one row and one job to a thousand identical callbacks at once', async () => {
    const fields = redemption({ user_id: 'thousand' });
    const body = JSON.stringify(fields);
    const form = formOf(fields);
    const asForm = { 'content-type': 'application/x-www-form-urlencoded' };
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, index) =>
        index % 5 === 0
          ? sender.post(originOf(index), form, asForm, '/redemptions')
          : sender.post(originOf(index), body),
      ),
    );

    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect([outcomes(answers, 'recorded').length, outcomes(answers, 'duplicate').length]).toEqual([1, 999]);
    const ids = [...new Set(answers.map(({ id }) => id))];
    expect(ids).toHaveLength(1);
    expect(await ofUser('thousand')).toMatchObject([{ id: ids[0], status: 'recorded', quantity: 20 }]);
    expect(
      await server.query(
        'postgres',
        `select l.duplicates, count(o.*)::int as jobs from ledger l left join delivery_outbox o on o.ledger_id = l.id
         where l.user_id = 'thousand' group by l.id`,
      ),
    ).toEqual([{ duplicates: 999, jobs: 1 }]);
  });

  test('never credit two readings of one signed text that come at once', async () => {
    const texts = Array.from({ length: 40 }, () => readings());
    // Every reading three times: each process gets every one of them.
    const callbacks = texts.flat().flatMap((fields) => [fields, fields, fields]);
    const answers = await atOnce(shuffled(callbacks));

    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    const rows = await rowsOf(readingOf(texts));
    const credits = Map.groupBy(rows.filter(isAccepted), transactionOf);
    expect([...credits.values()].map(({ length }) => length)).toEqual(texts.map(() => 1));
    // Nothing is lost: what is not credited waits for a decision.
    expect(rows).toHaveLength(texts.flat().length);
  });

  test('never credit one transaction twice, whatever else its callbacks say at once', async () => {
    const issued = Array.from({ length: 20 }, () => transaction());
    const redeemed = Array.from({ length: 20 }, () => transaction());
    const callbacks = [
      ...issued.flatMap((transaction_id) => others({ transaction_id }).map((fields) => issuance(fields))),
      ...redeemed.flatMap((transaction_id) => others({ transaction_id }).map((fields) => redemption(fields))),
    ];
    const answers = await atOnce(shuffled([...callbacks, ...callbacks]));

    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(outcomes(answers, 'recorded')).toHaveLength(40);
    const ours = new Set([...issued, ...redeemed]);
    const rows = await rowsOf(({ transaction_id }) => ours.has(transaction_id));
    const accepted = rows.filter(isAccepted).map(({ transaction_id }) => transaction_id);
    expect(accepted.toSorted()).toEqual([...ours].toSorted());
    expect(rows).toHaveLength(callbacks.length);
  });

  test('never credit two readings because people release both at once', async () => {
    const texts = Array.from({ length: 10 }, () => readings());
    // A first reading, put away by nobody, is what the others wait behind.
    await atOnce(texts.flat());
    const waiting = await rowsOf((row) => readingOf(texts)(row) && row.status === 'quarantined');
    expect(waiting.length).toBeGreaterThanOrEqual(texts.length);
    const released = await Promise.all(
      waiting
        .flatMap(({ id }) => origins.map((origin) => `${origin}/api/v1/kiip/issuances/${id}/release`))
        .map(async (url) => (await fetch(url, { method: 'POST', headers: credentials })).status),
    );
    expect(new Set(released)).toEqual(new Set([409]));
    expect(await rowsOf((row) => readingOf(texts)(row) && isAccepted(row))).toHaveLength(texts.length);
  });

  test('have met nothing unexpected', () => {
    const serious = gateways.flatMap((gateway) =>
      gateway.log().filter(({ level }) => level === 'error' || level === 'fatal'),
    );
    expect(serious).toEqual([]);
  });
});

const outcomes = (answers: readonly SentAnswer[], outcome: string) =>
  answers.filter((answer) => answer.outcome === outcome);

/** Callbacks of one transaction that contradict each other. */
const others = (fields: Fields): Fields[] => [
  ...[1, 2, 3, 4].map((quantity) => ({ ...fields, quantity })),
  ...['somebody', 'else'].map((user_id) => ({ ...fields, user_id })),
];

/** Callbacks with the same signature, each of them valid by itself (docs/vendors/kiip.md, section 8). */
function readings(): Fields[] {
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

/** Of a reading, too, that lends a character of the nonce to the transaction. */
const transactionOf = ({ transaction_id }: Fields | FeedRow) => String(transaction_id).slice(0, 36);

function readingOf(texts: readonly Fields[][]): (row: FeedRow) => boolean {
  const transactions = new Set(texts.map(([first]) => transactionOf(first!)));
  return (row) => transactions.has(transactionOf(row));
}

/** In an order that has nothing to do with what they are, the same in every run. */
function shuffled<T>(items: readonly T[]): T[] {
  let state = 42;
  const keyed = items.map((item) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return { item, key: state };
  });
  return keyed.toSorted((a, b) => a.key - b.key).map(({ item }) => item);
}
