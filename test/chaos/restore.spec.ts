import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArchivedPostgres } from '../support/archived-postgres.js';
import type { FeedEntry } from '../support/callback-sender.js';
import { consumersConfig } from '../support/consumer.js';
import { Inbox } from '../support/inbox.js';
import { content, redemption, startKiipGateway } from '../support/kiip.js';
import type { Fields, KiipGateway } from '../support/kiip.js';
import { findSeries, scrapeMetrics } from '../support/metrics.js';
import { countUnfinished, readTotals } from '../support/reconciliation.js';
import { scale } from '../support/scale.js';
import { waitFor } from '../support/wait-for.js';

const VOLUME = scale(30, 2_000);
const LIMIT_MS = 600_000;
const WAIT_SECONDS = 120;
const many = () => Array.from({ length: VOLUME }, () => redemption());

/** A reader of the feed, or of another list, that keeps its cursor and the entries by id, as docs/backup-and-restore.md says. */
class Reader {
  readonly entries = new Map<string, FeedEntry>();
  cursor: string | undefined;

  constructor(private readonly path = 'kiip/issuances') {}

  /** @returns 200 at the end of the feed, else the status and the type of the problem */
  async follow(gateway: KiipGateway): Promise<number | string> {
    for (;;) {
      const after = this.cursor === undefined ? '' : `&after=${this.cursor}`;
      const response = await gateway.get(`/api/v1/${this.path}?limit=50${after}`);
      const page = (await response.json()) as { type: string; items: FeedEntry[]; next: string };
      if (response.status !== 200) return `${response.status} ${page.type}`;
      if (page.items.length === 0) return 200;
      for (const entry of page.items) this.entries.set(entry.id, entry);
      this.cursor = page.next;
    }
  }
}

/** The credits of the consumer: one for each transaction, under the latest id. */
class Wallet {
  readonly credits = new Map<string, { id: string; receivedAt: string; quantity: number }>();
  private readonly ids = new Set<string>();

  receive({ id, data }: { id: string; data: Record<string, unknown> }): void {
    if (this.ids.has(id)) return;
    this.ids.add(id);
    const key = [data['kind'], data['transaction_id'], data['nonce']].join();
    const quantity = this.credits.get(key)?.quantity ?? Number(data['quantity']);
    this.credits.set(key, { id, receivedAt: String(data['received_at']), quantity });
  }

  get byId(): Map<string, number> {
    return new Map([...this.credits.values()].map(({ id, quantity }) => [id, quantity]));
  }
}

describe('a database that is restored to an earlier time', () => {
  let postgres: ArchivedPostgres;
  let gateway: KiipGateway;
  let inbox: Inbox;
  const wallet = new Wallet();
  const spool = mkdtempSync(join(tmpdir(), 'gateway-spool-'));

  beforeAll(async () => {
    postgres = await ArchivedPostgres.create();
    await postgres.server.query('postgres', 'create database gateway');
    inbox = await Inbox.open();
    inbox.respond = ({ id, event }) => {
      wallet.receive({ id, data: event.data });
      return 200;
    };
    gateway = await start();
  }, LIMIT_MS);
  afterAll(async () => {
    await gateway.close();
    await inbox.close();
    await postgres.server.destroy();
    rmSync(spool, { recursive: true });
  });

  const start = () =>
    startKiipGateway({
      DATABASE_URL: postgres.server.url('gateway'),
      SPOOL_DIR: spool,
      KIIP_CURRENCIES: JSON.stringify({ [content]: { name: 'Coins', max_quantity: 100 } }),
      DELIVERY_CONSUMERS: consumersConfig(inbox.url()),
    });
  const query = (text: string) => postgres.server.query('gateway', text);
  const now = async () => {
    const [row] = await query(
      `select to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"') as now`,
    );
    return String(row!['now']);
  };
  const delivered = () =>
    waitFor('everything is delivered', async () => (await countUnfinished({ query })) === 0, WAIT_SECONDS);
  const release = async (id: string) =>
    expect((await gateway.post(`/api/v1/kiip/issuances/${id}/release`, {})).status).toBe(200);

  async function send(callbacks: readonly Fields[], outcome: string): Promise<string[]> {
    const answers = await Promise.all(callbacks.map((each) => gateway.callback(each)));
    expect(answers.map(({ status, body }) => [status, body['status']])).toEqual(
      callbacks.map(() => [200, outcome]),
    );
    return answers.map(({ body }) => String(body['id']));
  }

  it(
    'ends with consumers that have exactly the ledger, once',
    async () => {
      await send(many(), 'recorded');
      await postgres.backUp();
      await send(many(), 'recorded');
      const [held] = (await send([redemption({ quantity: 500 })], 'quarantined')) as [string];
      await delivered();
      const reader = new Reader();
      expect(await reader.follow(gateway)).toBe(200);
      const kept = reader.cursor!;
      const others = [new Reader('audit'), new Reader('deliveries')];
      const restoredTo = await now();

      // What is lost: entries that were delivered and read, and a decision.
      const tail = many();
      const lost = await send(tail, 'recorded');
      await release(held);
      await delivered();
      expect(await reader.follow(gateway)).toBe(200);
      expect(reader.entries.size).toBe(3 * VOLUME + 1);
      for (const other of others) expect(await other.follow(gateway)).toBe(200);
      expect(wallet.credits.size).toBe(3 * VOLUME + 1);

      await postgres.lose();
      const outage = many();
      await send(outage, 'spooled');
      await postgres.restore(restoredTo);
      // A server that recovers may get there yet.
      await waitFor(
        'the database is read',
        async () => (await gateway.get(`/api/v1/kiip/issuances/${held}`)).ok,
      );
      expect(await reader.follow(gateway)).toBe('503 urn:rewards-gateway:problem:storage-unavailable');
      await postgres.promote();

      // "After a restore", 1 and 2.
      await gateway.close();
      gateway = await start();
      await waitFor(
        'the spool is empty',
        async () =>
          findSeries(await scrapeMetrics(gateway), 'rewards_gateway_kiip_callbacks_spooled')[
            '{state="waiting"}'
          ] === 0,
        WAIT_SECONDS,
      );
      // 3.
      await release(held);
      // 4.
      const from = new Date(Date.parse(restoredTo) - 3_600_000).toISOString();
      const to = new Date(Date.now() + 60_000).toISOString();
      const replay = await gateway.post('/api/v1/deliveries/replays', {
        consumer: 'wallet',
        from,
        to,
        rate_per_second: 1_000,
      });
      expect(replay.status).toBe(202);
      const { id: replayId, count } = (await replay.json()) as { id: string; count: number };
      expect(count).toBe(3 * VOLUME + 1);
      await waitFor(
        'the replay is finished',
        async () => {
          const response = await gateway.get(`/api/v1/deliveries/replays/${replayId}`);
          return ((await response.json()) as { finished_at: string | null }).finished_at !== null;
        },
        WAIT_SECONDS,
      );
      await delivered();

      // 5, the feed: the positions of the lost time have been assigned again meanwhile.
      expect(await reader.follow(gateway)).toBe('410 urn:rewards-gateway:problem:feed-restarted');
      for (const other of others)
        expect(await other.follow(gateway)).toBe('410 urn:rewards-gateway:problem:feed-restarted');
      const patient = new Reader();
      patient.cursor = kept;
      expect(await patient.follow(gateway)).toBe(200);
      const again = new Reader();
      expect(await again.follow(gateway)).toBe(200);

      // 5, the lost tail: the ledger finds none of it.
      const missing: string[] = [];
      for (const { id, receivedAt } of wallet.credits.values()) {
        if (Date.parse(receivedAt) <= Date.parse(restoredTo)) continue;
        if ((await gateway.get(`/api/v1/kiip/issuances/${id}`)).status === 404) missing.push(id);
      }
      expect(missing.toSorted()).toEqual(lost.toSorted());

      // 6: Kiip sends all but one again, under the same transactions.
      const renewed = await send(tail.slice(1), 'recorded');
      expect(renewed.filter((id) => lost.includes(id))).toEqual([]);
      await send([...tail.slice(1), ...outage], 'duplicate');
      await delivered();
      expect(wallet.credits.size).toBe(4 * VOLUME + 1);

      // 7.
      expect(await readTotals(gateway.url)).toMatchObject({ accepted: 4 * VOLUME, missing: 0 });
      expect(await again.follow(gateway)).toBe(200);
      const rows = await query('select id, quantity from ledger');
      const ledger = new Map(rows.map(({ id, quantity }) => [String(id), Number(quantity)]));
      expect(new Map([...again.entries.values()].map(({ id, quantity }) => [id, quantity]))).toEqual(ledger);
      // The credit that never came again is the only one without an entry.
      const credits = wallet.byId;
      expect(credits.delete(lost[0]!)).toBe(true);
      expect(credits).toEqual(ledger);
    },
    LIMIT_MS,
  );
});
