import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Database } from '../../src/database/database.js';
import { CallbackSender, isAccepted } from '../support/callback-sender.js';
import type { FeedRow } from '../support/callback-sender.js';
import { MortalGateway } from '../support/crashable-gateway.js';
import { PatientKiip } from '../support/retrying-kiip-client.js';
import { findPostgres, PostgresServer } from '../support/postgres.js';
import { waitFor } from '../support/wait-for.js';
import { newDataFolder } from '../support/data-folder.js';

/** On each database; shared among gateways that are killed and started independently of each other. */
const ROUNDS = 32;
const GATEWAYS = 2;
const IN_FLIGHT = 6;
/** The whole of a slow machine's patience, and never a measure. */
const LIMIT_MS = 600_000;
const PATIENCE_SECONDS = 120;

/** Reads the feed on and on, as a consumer does, whoever dies meanwhile. */
class Reader {
  readonly rows: FeedRow[] = [];
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
        this.rows.push(...page.items);
        this.#cursor = page.next;
        if (last && page.items.length === 0) return;
      }
      await sleep(20);
    }
  }
}

/** What gateways run on; each has data of its own, or all have the same. */
interface Ground {
  readonly gateways: MortalGateway[];
  /** Which gateways lead to the same data. */
  readonly together: MortalGateway[][];
  close(): Promise<void>;
}

const bin = findPostgres();
const grounds: [string, () => Promise<Ground>][] = [['embedded PGlite', embedded]];
if (bin !== undefined) grounds.push(['PostgreSQL', () => postgresql(bin)]);

async function embedded(): Promise<Ground> {
  // One is made here, since its making may be cut off as well; that takes long, so the others are copies.
  const fresh = mkdtempSync(join(tmpdir(), 'gateway-data-'));
  const folders = [fresh, ...Array.from({ length: GATEWAYS - 1 }, () => newDataFolder())];
  const gateways = await Promise.all(
    folders.map((DATA_DIR) => MortalGateway.on({ DATABASE_URL: '', DATA_DIR })),
  );
  return {
    gateways,
    together: gateways.map((gateway) => [gateway]),
    close() {
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
      return Promise.resolve();
    },
  };
}

async function postgresql(folder: string): Promise<Ground> {
  const server = await PostgresServer.create(folder);
  const DATABASE_URL = server.url('postgres');
  const gateways = await Promise.all(
    Array.from({ length: GATEWAYS }, () => MortalGateway.on({ DATABASE_URL })),
  );
  return { gateways, together: [gateways], close: () => server.destroy() };
}

describe.each(grounds)('gateways on %s, killed at random moments', (name, open) => {
  let ground: Ground;
  beforeAll(async () => {
    ground = await open();
  }, LIMIT_MS);
  afterAll(async () => {
    await Promise.all(ground.gateways.map((gateway) => gateway.close()));
    await ground.close();
  });

  test(
    'lose no callback that they acknowledged, and keep none twice',
    async () => {
      const { gateways, together } = ground;
      const worlds = together.map((group) => {
        const origins = group.map(({ origin }) => origin);
        return {
          kiip: new PatientKiip(origins, { inFlight: IN_FLIGHT }),
          reader: new Reader(origins[0]!),
          group,
        };
      });

      await Promise.all(
        worlds.flatMap(({ kiip, group }) =>
          group.map(async (gateway) => {
            for (let round = 0; round < ROUNDS / GATEWAYS; round += 1) {
              gateway.start();
              await aMoment(gateway, round, kiip);
              await gateway.kill();
            }
            gateway.start();
          }),
        ),
      );
      await Promise.all(worlds.map(({ kiip }) => kiip.finish()));
      await Promise.all(worlds.map(({ reader }) => reader.finish()));

      expect(gateways.map(({ kills }) => kills)).toEqual(gateways.map(() => ROUNDS / GATEWAYS));
      let sent = 0;
      let lost = 0;
      for (const { kiip, reader, group } of worlds) {
        await inspect(kiip, reader, group);
        sent += kiip.sent.size;
        lost += kiip.lost;
      }
      // Callbacks have been under way at the kills; and not merely between them.
      expect(sent).toBeGreaterThan(ROUNDS * IN_FLIGHT);
      expect(lost).toBeGreaterThan(ROUNDS / 2);
      console.info(`${name}: ${ROUNDS} kills, ${sent} callbacks, ${lost} tries without an answer`);
    },
    LIMIT_MS,
  );
});

/** Some moment of a process's life: while it starts, or with callbacks under way. */
async function aMoment(gateway: MortalGateway, round: number, kiip: PatientKiip): Promise<void> {
  const { DATA_DIR } = gateway.env;
  if (DATA_DIR !== undefined && round === 0) {
    // Making one is making a thousand files, and the last ones are the ones that matter.
    const enough = 1_000 - 1_000 * Math.random() ** 4;
    await waitFor('so much of the database is there', () => filesIn(DATA_DIR) >= enough, PATIENCE_SECONDS);
  } else if (round % 8 === 7) {
    // Before it listens, most likely.
    for (let step = Math.random() * 30; step > 0; step -= 1) await sleep(50);
  } else {
    const before = kiip.acknowledged.size;
    const more = 1 + Math.random() * 120;
    await waitFor(
      'so many are acknowledged',
      () => kiip.acknowledged.size >= before + more,
      PATIENCE_SECONDS,
    );
    await sleep(Math.random() * 10);
  }
}

/** Asks the last processes, and then the data itself. */
async function inspect(kiip: PatientKiip, reader: Reader, group: readonly MortalGateway[]): Promise<void> {
  const sender = new CallbackSender();
  const rows = await sender.ledger(group[0]!.origin);
  const byTransaction = Map.groupBy(rows, ({ transaction_id }) => transaction_id);
  expect(kiip.acknowledged.size).toBe(kiip.sent.size);
  for (const [transaction_id, answers] of kiip.acknowledged) {
    const found = byTransaction.get(transaction_id);
    // Once in the ledger, under the id of every acknowledgement.
    expect(found?.map(({ id, status }) => ({ id, status }))).toEqual([
      { id: answers[0]!.id, status: 'recorded' },
    ]);
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    expect(answers.slice(1).map(({ outcome }) => outcome)).toEqual(answers.slice(1).map(() => 'duplicate'));
  }
  // And nothing else; whoever followed the feed saw the same.
  expect(rows).toHaveLength(kiip.sent.size);
  expect(rows.every(isAccepted)).toBe(true);
  expect(reader.rows).toEqual(rows);
  // All of it again, and nothing is new.
  const sample = [...kiip.sent.values()].slice(-100);
  const again = await Promise.all(sample.map((fields) => sender.callback(group[0]!.origin, fields)));
  expect(new Set(again.map(({ outcome }) => outcome))).toEqual(new Set(['duplicate']));
  await sender.close();

  for (const gateway of group) {
    expect(gateway.log.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
    await gateway.kill();
  }
  expect(await jobsOf(group[0]!)).toEqual(rows.map(({ id }) => id).toSorted());
}

/** The ids for which there is a delivery job. */
async function jobsOf({ env: { DATABASE_URL, DATA_DIR = '' } }: MortalGateway): Promise<string[]> {
  const database = new Database({
    databaseUrl: DATABASE_URL === '' ? undefined : DATABASE_URL,
    dataDir: DATA_DIR,
    timeoutMs: 10_000,
  });
  await database.migrate();
  try {
    const rows = await database.run((db) => db.selectFrom('delivery_outbox').select('ledger_id').execute());
    return rows.map(({ ledger_id }) => ledger_id).toSorted();
  } finally {
    await database.close();
  }
}

function filesIn(folder: string): number {
  try {
    return readdirSync(folder, { recursive: true }).length;
  } catch {
    // It changes while it is read.
    return 0;
  }
}
