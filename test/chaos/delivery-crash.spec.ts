import { setTimeout as sleep } from 'node:timers/promises';
import { allDelivered, readTotals, countUnfinished, expireLostLeases } from '../support/reconciliation.js';
import { CallbackSender, isAccepted } from '../support/callback-sender.js';
import { consumersConfig } from '../support/consumer.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { Inbox } from '../support/inbox.js';
import type { Receipt } from '../support/inbox.js';
import { CrashableGateway } from '../support/crashable-gateway.js';
import { RetryingKiipClient } from '../support/retrying-kiip-client.js';
import { seededRandom } from '../support/random.js';
import { scale } from '../support/scale.js';
import { waitFor } from '../support/wait-for.js';

const ROUNDS = scale(4, 50);
const REPLICAS = scale(2, 3);
const CONCURRENCY = 8;
const DATABASE_TIMEOUT_MS = 2_000;
const LEASE_SECONDS = 25 + (2 * DATABASE_TIMEOUT_MS) / 1_000;
/** Generous limits for a slow machine, not performance targets. */
const LIMIT_MS = 600_000;
const WAIT_SECONDS = 120;
/** The time limit of an attempt: during it, no other replica may send the same event. */
const ATTEMPT_MS = 10_000;

describe('delivery by three replicas that are killed at random moments', () => {
  let database: TestDatabase;
  let inbox: Inbox;
  let replicas: CrashableGateway[];
  const random = seededRandom();
  /** Events whose sender was killed at the moment of the 200. */
  const lastAccepted: string[] = [];

  beforeAll(async () => {
    database = await newDatabase();
    inbox = await Inbox.open();
    // One consumer with a URL for each replica, so that the receiver knows the sender.
    replicas = await Promise.all(
      Array.from({ length: REPLICAS }, (_, index) =>
        CrashableGateway.on({
          ...database.env,
          DATABASE_TIMEOUT_MS: String(DATABASE_TIMEOUT_MS),
          DELIVERY_CONSUMERS: consumersConfig(inbox.url(String(index)), { concurrency: CONCURRENCY }),
        }),
      ),
    );
  }, LIMIT_MS);
  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.close()));
    await inbox.close();
    await database.drop();
  });

  test(
    'delivers every acknowledged callback exactly once to a consumer that deduplicates by id',
    async () => {
      inbox.respond = async () => {
        await sleep(random() * 30);
        return 200;
      };
      for (const replica of replicas) replica.start();
      const origins = replicas.map(({ origin }) => origin);
      const kiip = new RetryingKiipClient(origins, { inFlight: 6, pauseMs: 5 });

      let kills = 0;
      // Some kills must hit between the 200 of the consumer and the write of the result.
      for (; kills < ROUNDS || !(await isAnyUnsaved()); kills += 1) {
        const victim = await nextVictim(kills);
        await victim.kill();
        victim.start();
      }
      await kiip.finish();
      const expiredMs = performance.now();
      await waitFor(
        'every lease has ended',
        async () => {
          await expireLostLeases(database, LEASE_SECONDS);
          return (await countUnfinished(database)) === 0;
        },
        WAIT_SECONDS,
      );

      // The consumer has exactly the entries of the ledger, and the ledger exactly the acknowledged callbacks.
      const sender = new CallbackSender();
      const [origin] = origins;
      // It may have been the last one that was killed.
      await waitFor('it runs again', async () => (await sender.page(origin!)).items.length > 0, WAIT_SECONDS);
      const rows = (await sender.ledger(origin!)).filter(isAccepted);
      await sender.close();
      const ids = rows.map(({ id }) => id).toSorted();
      const acknowledged = [...kiip.acknowledged.values()].map(([first]) => first!.id);
      expect(kiip.acknowledged.size).toBe(kiip.sent.size);
      expect(acknowledged.toSorted()).toEqual(ids);
      const received = inbox.byId;
      expect([...received.keys()].toSorted()).toEqual(ids);
      expect(await readTotals(origin!)).toMatchObject(allDelivered(ids.length));

      const repeats = repeatsIn([...received.values()], expiredMs);
      // A kill repeats at most the events that one replica has in flight; nothing else repeats an event.
      expect(repeats).toBeLessThanOrEqual(kills * CONCURRENCY);
      const unsaved = lastAccepted.filter((id) => received.get(id)!.length > 1).length;
      expect(unsaved).toBeGreaterThan(0);
      expect(replicas.flatMap(({ log }) => log).filter(({ level }) => level === 'error')).toEqual([]);
      console.info(
        `${kills} kills, ${ids.length} events, ${repeats} repeats, ${unsaved} kills between a 200 and the write of its result`,
      );
    },
    LIMIT_MS,
  );

  /** Whether an event whose sender was killed at the moment of the 200 is to be sent again, or was. */
  async function isAnyUnsaved(): Promise<boolean> {
    const rows = await database.query(`select ledger_id from deliveries where status <> 'delivered'`);
    const pending = new Set(rows.map(({ ledger_id: id }) => id));
    return lastAccepted.some((id) => pending.has(id) || inbox.byId.get(id)!.length > 1);
  }

  /** Chooses the replica to kill: the one whose event has just been answered 200, or a random one, which may still be starting. */
  async function nextVictim(round: number): Promise<CrashableGateway> {
    const enough = inbox.receipts.length + 1 + random() * 60;
    await waitFor('some more events arrive', () => inbox.receipts.length >= enough, WAIT_SECONDS);
    if (round % 2 === 1) {
      await sleep(random() * 30);
      return replicas[Math.floor(random() * REPLICAS)]!;
    }
    const receipt = await inbox.nextResponse();
    lastAccepted.push(receipt.id);
    return replicas[Number(receipt.sender)]!;
  }
});

/**
 * Checks that every repeat has the same body and id, and arrives only after the attempt before it must have ended, unless the
 * lease was ended early.
 */
function repeatsIn(events: readonly Receipt[][], expiredMs: number): number {
  for (const receipts of events) {
    expect(new Set(receipts.map(({ body }) => body)).size).toBe(1);
    for (const [index, again] of receipts.slice(1).entries())
      expect(again.atMs > expiredMs ? Infinity : again.atMs - receipts[index]!.atMs).toBeGreaterThan(
        ATTEMPT_MS,
      );
  }
  return events.reduce((sum, receipts) => sum + receipts.length - 1, 0);
}
