import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Database } from '../../src/database/database.js';
import { EmbeddedServer } from '../../src/database/embedded-server.js';
import { CallbackSender, isAccepted } from '../support/callback-sender.js';
import type { FeedEntry } from '../support/callback-sender.js';
import { CrashableGateway } from '../support/crashable-gateway.js';
import { RetryingKiipClient } from '../support/retrying-kiip-client.js';
import { PostgresServer } from '../support/postgres.js';
import { waitFor } from '../support/wait-for.js';

/** Kills on each database, divided among gateways that are killed and started independently. */
const ROUNDS = 32;
const GATEWAYS = 2;
const IN_FLIGHT = 6;
/** Long enough for a slow machine; it measures nothing. */
const LIMIT_MS = 600_000;
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

/** The gateways of one test and their database, which they share or have one each. */
interface GatewayGroup {
  readonly gateways: CrashableGateway[];
  /** The gateways grouped by shared database. */
  readonly byDatabase: CrashableGateway[][];
  close(): Promise<void>;
}

const databases: [string, () => Promise<GatewayGroup>][] = [
  ['embedded PostgreSQL servers', startEmbedded],
  ['one PostgreSQL', startOnPostgres],
];

/** Each gateway creates its database, so that kills interrupt the creation too. */
async function startEmbedded(): Promise<GatewayGroup> {
  const folders = Array.from({ length: GATEWAYS }, () => mkdtempSync(join(tmpdir(), 'gateway-data-')));
  const gateways = await Promise.all(
    folders.map((DATA_DIR) => CrashableGateway.on({ DATABASE_URL: '', DATA_DIR })),
  );
  return {
    gateways,
    byDatabase: gateways.map((gateway) => [gateway]),
    close() {
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
      return Promise.resolve();
    },
  };
}

async function startOnPostgres(): Promise<GatewayGroup> {
  const server = await PostgresServer.create();
  const DATABASE_URL = server.url('postgres');
  const gateways = await Promise.all(
    Array.from({ length: GATEWAYS }, () => CrashableGateway.on({ DATABASE_URL })),
  );
  return { gateways, byDatabase: [gateways], close: () => server.destroy() };
}

describe.each(databases)('gateways on %s that are killed at random moments', (name, open) => {
  let group: GatewayGroup;
  beforeAll(async () => {
    group = await open();
  }, LIMIT_MS);
  afterAll(async () => {
    await Promise.all(group.gateways.map((gateway) => gateway.close()));
    await group.close();
  });

  test(
    'keep every acknowledged callback exactly once',
    async () => {
      const { gateways, byDatabase } = group;
      const worlds = byDatabase.map((members) => {
        const origins = members.map(({ origin }) => origin);
        return {
          kiip: new RetryingKiipClient(origins, { inFlight: IN_FLIGHT }),
          reader: new FeedReader(origins[0]!),
          members,
        };
      });

      await Promise.all(
        worlds.flatMap(({ kiip, members }) =>
          members.map(async (gateway) => {
            for (let round = 0; round < ROUNDS / GATEWAYS; round += 1) {
              gateway.start();
              await waitForRandomMoment(gateway, round, kiip);
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
      for (const { kiip, reader, members } of worlds) {
        await inspect(kiip, reader, members);
        sent += kiip.sent.size;
        lost += kiip.lost;
      }
      // Callbacks were in flight when gateways were killed, not only between the kills.
      expect(sent).toBeGreaterThan(ROUNDS * IN_FLIGHT);
      expect(lost).toBeGreaterThan(ROUNDS / 2);
      console.info(`${name}: ${ROUNDS} kills, ${sent} callbacks, ${lost} attempts without a response`);
    },
    LIMIT_MS,
  );
});

/** Waits for a random moment in the life of a process: while it starts, or with callbacks in flight. */
async function waitForRandomMoment(
  gateway: CrashableGateway,
  round: number,
  kiip: RetryingKiipClient,
): Promise<void> {
  const { DATA_DIR } = gateway.env;
  if (DATA_DIR !== undefined && round === 0) {
    // A new database is about a thousand files, and most races are possible with the last ones.
    const enough = 1_000 - 1_000 * Math.random() ** 4;
    await waitFor('part of the database exists', () => countFiles(DATA_DIR) >= enough, WAIT_SECONDS);
  } else if (round % 8 === 7) {
    // Most likely before the process listens.
    for (let step = Math.random() * 30; step > 0; step -= 1) await sleep(50);
  } else {
    const before = kiip.acknowledged.size;
    const more = 1 + Math.random() * 120;
    await waitFor(
      'enough callbacks are acknowledged',
      () => kiip.acknowledged.size >= before + more,
      WAIT_SECONDS,
    );
    await sleep(Math.random() * 10);
  }
}

/** Checks what the last processes report, and then the database itself. */
async function inspect(
  kiip: RetryingKiipClient,
  reader: FeedReader,
  group: readonly CrashableGateway[],
): Promise<void> {
  const sender = new CallbackSender();
  const entries = await sender.ledger(group[0]!.origin);
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
  const again = await Promise.all(sample.map((fields) => sender.callback(group[0]!.origin, fields)));
  expect(new Set(again.map(({ outcome }) => outcome))).toEqual(new Set(['duplicate']));
  await sender.close();

  for (const gateway of group) {
    expect(gateway.log.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
    await gateway.kill();
  }
  expect(await readJobIds(group[0]!)).toEqual(entries.map(({ id }) => id).toSorted());
}

/** Reads the ids of the ledger entries that have a delivery job. */
async function readJobIds({ env: { DATABASE_URL, DATA_DIR = '' } }: CrashableGateway): Promise<string[]> {
  const database = new Database({
    server: DATABASE_URL ? DATABASE_URL : new EmbeddedServer(DATA_DIR),
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

function countFiles(folder: string): number {
  try {
    return readdirSync(folder, { recursive: true }).length;
  } catch {
    // The folder changes while it is read.
    return 0;
  }
}
