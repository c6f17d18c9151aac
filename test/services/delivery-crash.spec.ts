import { setTimeout as sleep } from 'node:timers/promises';
import { allDelivered, booksOf, unfinishedOn } from '../support/reconciliation.js';
import { CallbackSender, isAccepted } from '../support/callback-sender.js';
import { consumersConfig } from '../support/consumer.js';
import { Inbox } from '../support/inbox.js';
import type { Receipt } from '../support/inbox.js';
import { MortalGateway } from '../support/crashable-gateway.js';
import { PatientKiip } from '../support/retrying-kiip-client.js';
import { findPostgres, PostgresServer } from '../support/postgres.js';
import { until } from '../support/wait-for.js';

const ROUNDS = 50;
const REPLICAS = 3;
const CONCURRENCY = 8;
/** A claim lasts 20 s and twice this: those of the dead are waited for. */
const DATABASE_TIMEOUT_MS = 2_000;
/** The whole of a slow machine's patience, and never a measure. */
const LIMIT_MS = 600_000;
const PATIENCE_SECONDS = 120;
/** What one attempt may take: so long, nobody else may be at the same event. */
const ATTEMPT_MS = 10_000;

const bin = findPostgres();
const onPostgres = bin === undefined ? describe.skip : describe;

onPostgres('three replicas that deliver, killed at random moments', () => {
  let server: PostgresServer;
  let inbox: Inbox;
  let replicas: MortalGateway[];
  /** Events whose sender was killed in the moment of the 200. */
  const lastWords: string[] = [];

  beforeAll(async () => {
    server = await PostgresServer.create(bin ?? '');
    inbox = await Inbox.open();
    // One consumer; only it can tell which replica it hears.
    replicas = await Promise.all(
      Array.from({ length: REPLICAS }, (_, index) =>
        MortalGateway.on({
          DATABASE_URL: server.url('postgres'),
          DATABASE_TIMEOUT_MS: String(DATABASE_TIMEOUT_MS),
          DELIVERY_CONSUMERS: consumersConfig(inbox.url(String(index)), { concurrency: CONCURRENCY }),
        }),
      ),
    );
  }, LIMIT_MS);
  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.close()));
    await inbox.close();
    await server.destroy();
  });

  test(
    'bring all that was acknowledged to a consumer that remembers ids, exactly once',
    async () => {
      inbox.respond = async () => {
        await sleep(Math.random() * 30);
        return 200;
      };
      for (const replica of replicas) replica.start();
      const origins = replicas.map(({ origin }) => origin);
      const kiip = new PatientKiip(origins, { inFlight: 6, pauseMs: 5 });

      for (let round = 0; round < ROUNDS; round += 1) {
        const victim = await nextVictim(round);
        await victim.kill();
        victim.start();
      }
      await kiip.finish();
      await until('every claim has ended', async () => (await unfinishedOn(server)) === 0, PATIENCE_SECONDS);

      // The consumer knows what the ledger holds, the ledger what was acknowledged; and neither anything else.
      const sender = new CallbackSender();
      const rows = (await sender.ledger(origins[0]!)).filter(isAccepted);
      await sender.close();
      const ids = rows.map(({ id }) => id).toSorted();
      const acknowledged = [...kiip.acknowledged.values()].map(([first]) => first!.id);
      expect(kiip.acknowledged.size).toBe(kiip.sent.size);
      expect(acknowledged.toSorted()).toEqual(ids);
      const heard = inbox.byId;
      expect([...heard.keys()].toSorted()).toEqual(ids);
      expect(await booksOf(origins[0]!)).toMatchObject(allDelivered(ids.length));

      const repeats = repeatsIn([...heard.values()]);
      // A kill leaves no more than what one replica has under way; and nothing else makes an event come again.
      expect(repeats).toBeLessThanOrEqual(ROUNDS * CONCURRENCY);
      // Some kills have hit between the consumer's 200 and the mark.
      const unmarked = lastWords.filter((id) => heard.get(id)!.length > 1).length;
      expect(unmarked).toBeGreaterThan(0);
      expect(replicas.flatMap(({ log }) => log).filter(({ level }) => level === 'error')).toEqual([]);
      console.info(
        `${ROUNDS} kills, ${ids.length} events, ${repeats} repeats, ${unmarked} kills between a 200 and its mark`,
      );
    },
    LIMIT_MS,
  );

  /** Who is to be killed now: the one whose event has this instant been answered 200, or any, even one that only starts. */
  async function nextVictim(round: number): Promise<MortalGateway> {
    const enough = inbox.receipts.length + 1 + Math.random() * 60;
    await until('some more events arrive', () => inbox.receipts.length >= enough, PATIENCE_SECONDS);
    if (round % 2 === 1) {
      await sleep(Math.random() * 30);
      return replicas[Math.floor(Math.random() * REPLICAS)]!;
    }
    const receipt = await inbox.nextResponse();
    lastWords.push(receipt.id);
    return replicas[Number(receipt.sender)]!;
  }
});

/** Every repeat is the same text under the same id, and comes only when its last sender can be at it no more. */
function repeatsIn(events: readonly Receipt[][]): number {
  for (const receipts of events) {
    expect(new Set(receipts.map(({ body }) => body)).size).toBe(1);
    for (const [index, again] of receipts.slice(1).entries())
      expect(again.atMs - receipts[index]!.atMs).toBeGreaterThan(ATTEMPT_MS);
  }
  return events.reduce((sum, receipts) => sum + receipts.length - 1, 0);
}
