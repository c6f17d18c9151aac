import { setTimeout as sleep } from 'node:timers/promises';
import { allDelivered, readTotals, countUnfinished, expireLostLeases } from '../support/reconciliation.js';
import { CallbackSender } from '../support/callback-sender.js';
import { consumersConfig } from '../support/consumer.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { credentials, startGateway } from '../support/gateway.js';
import type { Gateway } from '../support/gateway.js';
import { Inbox } from '../support/inbox.js';
import { redemption } from '../support/kiip.js';
import { CrashableGateway } from '../support/crashable-gateway.js';
import { RetryingKiipClient } from '../support/retrying-kiip-client.js';
import { scale } from '../support/scale.js';
import { waitFor } from '../support/wait-for.js';

const ROWS = scale(250, 1_000);
const OUTSIDE = scale(20, 200);
/** Far less than the consumer can receive: only the rate limits the replay. */
const RATE = scale(50, 100);
const CONCURRENCY = 8;
/** 25 s and twice the time limit of a statement. */
const LEASE_SECONDS = 31;
/** Generous limits for a slow machine, not performance targets. */
const LIMIT_MS = 300_000;
const WAIT_SECONDS = 120;

interface Replay {
  readonly count: number;
  readonly done: number;
  readonly finished_at: string | null;
}

interface Delivery {
  readonly id: string;
  readonly issuance_id: string;
  readonly status: string;
  readonly attempts: number;
  readonly last_status: number | null;
}

describe('replays and dead letters', () => {
  let database: TestDatabase;
  let inbox: Inbox;
  let api: Gateway;
  let origin: string;
  let worker: CrashableGateway;
  const sender = new CallbackSender(16);
  /** Entries outside and inside the window that is replayed. */
  let outside: string[];
  let inside: string[];
  let window: { from: string; to: string };

  beforeAll(async () => {
    database = await newDatabase();
    inbox = await Inbox.open();
    const env = {
      ...database.env,
      DELIVERY_CONSUMERS: consumersConfig(inbox.url(), { concurrency: CONCURRENCY }),
      LOG_LEVEL: 'info',
    };
    api = await startGateway({ ...env, ROLE: 'api' });
    origin = api.url;
    worker = await CrashableGateway.on({ ...env, ROLE: 'worker' });
    worker.start();

    const before = await record(OUTSIDE);
    const from = await now();
    inside = await record(ROWS);
    const to = await now();
    outside = [...before, ...(await record(OUTSIDE))];
    window = { from, to };
    await allIsDelivered();
  }, LIMIT_MS);
  afterAll(async () => {
    await worker.close();
    await api.close();
    await sender.close();
    await inbox.close();
    await database.drop();
  });

  /** Records callbacks; returns the ids of their entries. */
  async function record(rows: number): Promise<string[]> {
    const ids: string[] = [];
    let left = rows;
    const loops = Array.from({ length: 16 }, async () => {
      while (left-- > 0) {
        const { status, id } = await sender.callback(origin, redemption());
        expect(status).toBe(200);
        ids.push(id!);
      }
    });
    await Promise.all(loops);
    return ids;
  }

  const allIsDelivered = () =>
    waitFor(
      'all is delivered',
      async () => {
        await expireLostLeases(database, LEASE_SECONDS);
        return (await countUnfinished(database)) === 0;
      },
      WAIT_SECONDS,
    );
  const requestReplay = async (body: object) => {
    const response = await fetch(`${origin}/api/v1/deliveries/replays`, {
      method: 'POST',
      headers: { ...credentials, 'content-type': 'application/json' },
      body: JSON.stringify({ consumer: 'wallet', ...window, ...body }),
    });
    return { status: response.status, body: (await response.json()) as { id: string; count: number } };
  };
  const read = async <T>(path: string) =>
    (await (await fetch(`${origin}/api/v1/deliveries${path}`, { headers: credentials })).json()) as T;
  const dead = () => read<{ items: Delivery[] }>('?status=dead');
  const replayOf = (id: string) => read<Replay>(`/replays/${id}`);

  test('only counts the entries of a window in a dry run', async () => {
    const sent = inbox.receipts.length;
    expect(sent).toBe(ROWS + 2 * OUTSIDE);
    expect(await requestReplay({ dry_run: true })).toEqual({ status: 200, body: { id: null, count: ROWS } });
    expect(await database.query('select * from delivery_replays')).toEqual([]);
    expect(await database.query(`select * from deliveries where status <> 'delivered'`)).toEqual([]);
    expect(inbox.receipts).toHaveLength(sent);
  });

  test(
    'replays a window completely at its rate, beside live traffic, although the worker is killed halfway',
    async () => {
      const first = inbox.byId;
      inbox.receipts.length = 0;
      const startedMs = performance.now();
      const { status, body } = await requestReplay({ rate_per_second: RATE });
      expect([status, body.count]).toEqual([202, ROWS]);
      const kiip = new RetryingKiipClient([origin], { inFlight: 2, pauseMs: 50 });

      await waitFor(
        'some of the events are sent',
        async () => inbox.receipts.length > 0 && (await replayOf(body.id)).done >= ROWS / 4,
        WAIT_SECONDS,
      );
      await worker.kill();
      const halfway = await replayOf(body.id);
      expect(halfway.done).toBeGreaterThan(0);
      expect(halfway.done).toBeLessThan(ROWS);
      expect(halfway.finished_at).toBeNull();
      worker.start();
      await waitFor(
        'the replay is finished',
        async () => (await replayOf(body.id)).finished_at !== null,
        WAIT_SECONDS,
      );
      await kiip.finish();
      await allIsDelivered();

      expect(await replayOf(body.id)).toMatchObject({ count: ROWS, done: ROWS });
      const received = inbox.byId;
      const live = [...kiip.acknowledged.values()].map(([first]) => first!.id);
      expect(outside.filter((id) => received.has(id))).toEqual([]);
      expect([...received.keys()].toSorted()).toEqual([...inside, ...live].toSorted());
      const changed = inside.filter((id) =>
        received.get(id)!.some(({ body: text }) => text !== first.get(id)![0]!.body),
      );
      expect(changed).toEqual([]);
      // A kill repeats at most the events that were in flight.
      const repeats = inbox.receipts.length - received.size;
      expect(repeats).toBeLessThanOrEqual(CONCURRENCY);

      const replayedIds = new Set(inside);
      const replayed = inbox.receipts.filter(({ id }) => replayedIds.has(id));
      const tooEarly = replayed.filter(
        ({ atMs }, index) => index + 1 - repeats > RATE * (1 + (atMs - startedMs) / 1_000),
      );
      expect(tooEarly).toEqual([]);
      const last = replayed.at(-1)!.atMs;
      const liveEvents = inbox.receipts.filter(({ id, atMs }) => !replayedIds.has(id) && atMs < last).length;
      expect(liveEvents).toBeGreaterThan(0);
      const seconds = Math.round((last - startedMs) / 1_000);
      console.info(
        `${ROWS} rows again in ${seconds} s, ${repeats} twice, ${halfway.done} due at the kill, ${liveEvents} live events meanwhile`,
      );
    },
    LIMIT_MS,
  );

  test(
    'moves a delivery that is rejected for three days to the dead letters, and sends it again after a retry',
    async () => {
      inbox.receipts.length = 0;
      inbox.respond = () => 422;
      const [id] = await record(1);
      const fails = (attempts: number) =>
        waitFor(
          'the rejection is recorded',
          async () => (await newest()).attempts === attempts,
          WAIT_SECONDS,
        );
      /** Moves the times only, as if they had passed: the gateway decides the rest. */
      const threeDaysLater = () =>
        database.query(
          `update deliveries set schedule_started_at = schedule_started_at - interval '3 days', next_attempt_at = now() where ledger_id = '${id}'`,
        );
      const newest = async () => {
        const response = await fetch(`${origin}/api/v1/kiip/issuances/${id}`, { headers: credentials });
        return ((await response.json()) as { deliveries: Delivery[] }).deliveries[0]!;
      };
      const retry = async (delivery: string) => {
        const response = await fetch(`${origin}/api/v1/deliveries/${delivery}/retry`, {
          method: 'POST',
          headers: credentials,
        });
        return { status: response.status, body: (await response.json()) as Delivery };
      };

      await fails(1);
      expect([await newest(), (await dead()).items]).toMatchObject([
        { status: 'pending', last_status: 422 },
        [],
      ]);
      await threeDaysLater();
      await fails(2);
      const { items } = await dead();
      expect(items).toMatchObject([
        { issuance_id: id, consumer: 'wallet', status: 'dead', last_status: 422, next_attempt_at: null },
      ]);
      expect(await readTotals(origin)).toMatchObject({ dead: 1, pending: 0, missing: 0 });

      // The retry starts another three days of attempts.
      expect(await retry(items[0]!.id)).toMatchObject({ status: 202, body: { status: 'pending' } });
      await fails(3);
      expect(await newest()).toMatchObject({ status: 'pending' });
      await threeDaysLater();
      await fails(4);
      expect((await dead()).items).toHaveLength(1);

      inbox.respond = () => 200;
      expect((await retry(items[0]!.id)).status).toBe(202);
      await allIsDelivered();
      expect((await dead()).items).toEqual([]);
      expect(inbox.receipts.map((receipt) => receipt.id)).toEqual(Array.from({ length: 5 }, () => id));
      expect(new Set(inbox.receipts.map(({ body }) => body)).size).toBe(1);
      const totals = await readTotals(origin);
      expect(totals).toMatchObject(allDelivered(totals.accepted));
    },
    LIMIT_MS,
  );

  test('logs no other error', () => {
    const serious = [...api.log, ...worker.log].filter(({ level }) => level === 'error' || level === 'fatal');
    expect(serious.map(({ msg }) => msg)).toEqual([
      'delivery moved to dead letters',
      'delivery moved to dead letters',
    ]);
  });
});

/** Returns an instant at which no callback is received. */
async function now(): Promise<string> {
  await sleep(10);
  const instant = new Date().toISOString();
  await sleep(10);
  return instant;
}
