import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Database } from '../../src/database/database.js';
import { EmbeddedServer } from '../../src/database/embedded-server.js';
import { CallbackSender, isAccepted } from '../support/callback-sender.js';
import type { FeedEntry } from '../support/callback-sender.js';
import { CrashableGateway } from '../support/crashable-gateway.js';
import { newDatabase } from '../support/databases.js';
import { seededRandom } from '../support/random.js';
import { RetryingKiipClient } from '../support/retrying-kiip-client.js';
import { scale } from '../support/scale.js';
import { waitFor } from '../support/wait-for.js';

const IN_FLIGHT = 6;
/** Long enough for a slow machine; it measures nothing. */
const LIMIT_MS = 3_600_000;
const WAIT_SECONDS = 120;

/** Reads the feed continuously, as a consumer does, while gateways are killed and restarted. */
class FeedReader {
  readonly entries: FeedEntry[] = [];
  #cursor: string | undefined;
  #stopped = false;
  readonly #sender = new CallbackSender(1);
  readonly #loop: Promise<void>;

  constructor(private readonly origin: string) {
    this.#loop = this.#read();
  }

  async finish(): Promise<void> {
    this.#stopped = true;
    await this.#loop;
    await this.#sender.close();
  }

  async #read(): Promise<void> {
    for (;;) {
      const last = this.#stopped;
      const page = await this.#sender.page(this.origin, this.#cursor).catch(() => undefined);
      if (page) {
        this.entries.push(...page.items);
        this.#cursor = page.next;
        if (last && page.items.length === 0) return;
      }
      await sleep(20);
    }
  }
}

/** A kill of the process of a gateway or of its embedded server. */
interface Kill {
  readonly process: 'gateway' | 'server';
  /** While the gateway creates its database, soon after a process was started, or with callbacks in flight. */
  readonly moment: 'creation' | 'start' | 'traffic';
}

interface Target {
  readonly gateway: CrashableGateway;
  /** In the order in which they happen. */
  readonly kills: readonly Kill[];
  readonly random: () => number;
}

/** Targets that share a database, the callbacks sent to them, and a reader of their feed. */
interface World {
  readonly targets: readonly Target[];
  readonly kiip: RetryingKiipClient;
  readonly reader: FeedReader;
}

function startWorld(targets: readonly Target[]): World {
  const origins = targets.map(({ gateway }) => gateway.origin);
  return {
    targets,
    kiip: new RetryingKiipClient(origins, { inFlight: IN_FLIGHT }),
    reader: new FeedReader(origins[0]!),
  };
}

function createTarget(
  gateway: CrashableGateway,
  stream: number,
  gatewayKills: number,
  serverKills = 0,
): Target {
  const random = seededRandom(stream);
  const kills: Kill[] = [
    ...Array.from({ length: gatewayKills }, (_, index) => ({
      process: 'gateway' as const,
      moment: index % 8 === 1 ? ('start' as const) : ('traffic' as const),
    })),
    ...Array.from({ length: serverKills }, (_, index) => ({
      process: 'server' as const,
      moment: index % 4 === 3 ? ('start' as const) : ('traffic' as const),
    })),
  ];
  const shuffled = kills
    .map((kill) => ({ kill, key: random() }))
    .toSorted((one, other) => one.key - other.key);
  return { gateway, kills: shuffled.map(({ kill }) => kill), random };
}

describe('gateways that are killed at random moments', () => {
  test(
    'keep every acknowledged callback exactly once on embedded PostgreSQL servers, which are killed as well',
    async () => {
      // They run and are killed independently of each other.
      const count = scale(1, 2);
      const gateways: CrashableGateway[] = [];
      try {
        for (let index = 0; index < count; index += 1) {
          const DATA_DIR = mkdtempSync(join(tmpdir(), 'gateway-data-'));
          gateways.push(await CrashableGateway.on({ DATABASE_URL: '', DATA_DIR }));
        }
        const worlds = gateways.map((gateway, stream) => {
          const target = createTarget(gateway, stream, scale(2, 199) / count, scale(1, 50) / count);
          return startWorld([
            { ...target, kills: [{ process: 'gateway', moment: 'creation' }, ...target.kills] },
          ]);
        });
        await killAll(worlds);
        for (const { reader, targets } of worlds) {
          const server = new EmbeddedServer(dataDirOf(targets[0]!.gateway));
          const database = new Database({ server, timeoutMs: 10_000 });
          await database.migrate();
          expect(await readJobIds(database)).toEqual(idsOf(reader.entries));
          await database.close();
        }
      } finally {
        for (const gateway of gateways) {
          await gateway.close();
          killServer(dataDirOf(gateway));
          rmSync(dataDirOf(gateway), { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
        }
      }
    },
    LIMIT_MS,
  );

  test(
    'keep every acknowledged callback exactly once on one PostgreSQL',
    async () => {
      const database = await newDatabase();
      const gateways = [await CrashableGateway.on(database.env), await CrashableGateway.on(database.env)];
      try {
        const world = startWorld(
          gateways.map((gateway, stream) => createTarget(gateway, stream, scale(2, 32) / 2)),
        );
        await killAll([world]);
        expect(await readJobIds(await database.open())).toEqual(idsOf(world.reader.entries));
      } finally {
        for (const gateway of gateways) await gateway.close();
        await database.drop();
      }
    },
    LIMIT_MS,
  );
});

/** Kills processes while callbacks are sent, checks what the last gateways report, and kills these too. */
async function killAll(worlds: readonly World[]): Promise<void> {
  await Promise.all(
    worlds.flatMap(({ kiip, targets }) =>
      targets.map(async ({ gateway, kills, random }) => {
        gateway.start();
        for (const { process, moment } of kills) {
          await waitForMoment(moment, gateway, kiip, random);
          if (process === 'server') {
            await waitFor('the server is killed', () => killServer(dataDirOf(gateway)), WAIT_SECONDS);
          } else {
            await gateway.kill();
            gateway.start();
          }
        }
      }),
    ),
  );
  await Promise.all(worlds.map(({ kiip }) => kiip.finish()));
  await Promise.all(worlds.map(({ reader }) => reader.finish()));

  const kills = worlds.flatMap(({ targets }) => targets.flatMap((target) => target.kills));
  let [sent, lost] = [0, 0];
  for (const world of worlds) {
    await inspect(world);
    sent += world.kiip.sent.size;
    lost += world.kiip.lost;
  }
  // Callbacks were in flight when processes were killed, not only between the kills.
  expect(sent).toBeGreaterThan(kills.length * IN_FLIGHT);
  const withTraffic = kills.filter(({ process, moment }) => process === 'gateway' && moment === 'traffic');
  expect(lost).toBeGreaterThan(withTraffic.length / 2);
  console.info(`${kills.length} kills, ${sent} callbacks, ${lost} attempts without a response`);
}

async function waitForMoment(
  moment: Kill['moment'],
  gateway: CrashableGateway,
  kiip: RetryingKiipClient,
  random: () => number,
): Promise<void> {
  if (moment === 'creation') {
    // A new database is about a thousand files, and most races are possible with the last ones.
    const enough = 950 - 950 * random() ** 4;
    await waitFor(
      'part of the database exists',
      () => countFiles(dataDirOf(gateway)) >= enough,
      WAIT_SECONDS,
    );
  } else if (moment === 'start') {
    // Most likely before the process listens.
    await sleep(random() * 1_500);
  } else {
    const enough = kiip.acknowledged.size + 1 + random() * 120;
    await waitFor('enough callbacks are acknowledged', () => kiip.acknowledged.size >= enough, WAIT_SECONDS);
    await sleep(random() * 10);
  }
}

/** Checks what the last processes report, and kills them. */
async function inspect({ kiip, reader, targets }: World): Promise<void> {
  const sender = new CallbackSender();
  const { origin } = targets[0]!.gateway;
  const entries = await sender.ledger(origin);
  const byTransaction = Map.groupBy(entries, ({ transaction_id }) => transaction_id);
  expect(kiip.acknowledged.size).toBe(kiip.sent.size);
  for (const [transaction_id, responses] of kiip.acknowledged) {
    const found = byTransaction.get(transaction_id);
    // The callback is in the ledger once, with the id of every acknowledgement.
    expect(found?.map(({ id, status }) => ({ id, status }))).toEqual([
      { id: responses[0]!.id, status: 'recorded' },
    ]);
    expect(new Set(responses.map(({ id }) => id)).size).toBe(1);
    expect(responses.slice(1).map(({ outcome }) => outcome)).toEqual(
      responses.slice(1).map(() => 'duplicate'),
    );
  }
  // The ledger has no other entries, and the feed reader saw the same ones.
  expect(entries).toHaveLength(kiip.sent.size);
  expect(entries.every(isAccepted)).toBe(true);
  expect(reader.entries).toEqual(entries);
  // A repeat of any callback is a duplicate.
  const sample = [...kiip.sent.values()].slice(-100);
  const again = await Promise.all(sample.map((fields) => sender.callback(origin, fields)));
  expect(new Set(again.map(({ outcome }) => outcome))).toEqual(new Set(['duplicate']));
  await sender.close();

  for (const { gateway } of targets) {
    expect(gateway.log.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
    await gateway.kill();
  }
}

const idsOf = (entries: readonly FeedEntry[]) => entries.map(({ id }) => id).toSorted();

/** Reads the ids of the ledger entries that have a delivery job. */
async function readJobIds(database: Database): Promise<string[]> {
  const rows = await database.run((db) => db.selectFrom('delivery_outbox').select('ledger_id').execute());
  return rows.map(({ ledger_id }) => ledger_id).toSorted();
}

const dataDirOf = ({ env }: CrashableGateway) => env['DATA_DIR']!;

/** Kills the embedded server of a folder. @returns whether there was one */
function killServer(dataDir: string): boolean {
  const data = join(dataDir, 'postgresql', 'data');
  try {
    const pid = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]);
    // The process id may have been given to another process meanwhile.
    return readlinkSync(`/proc/${pid}/cwd`) === data && process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

function countFiles(folder: string): number {
  try {
    return readdirSync(folder, { recursive: true }).length;
  } catch {
    // The folder changes while it is read.
    return 0;
  }
}
