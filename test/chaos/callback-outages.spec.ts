import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CallbackSender } from '../support/callback-sender.js';
import type { CallbackResponse } from '../support/callback-sender.js';
import { CrashableGateway } from '../support/crashable-gateway.js';
import { describeWithDisk, Disk } from '../support/disk.js';
import { redemption } from '../support/kiip.js';
import type { Fields } from '../support/kiip.js';
import { newProxiedDatabase } from '../support/proxied-database.js';
import type { ProxiedDatabase } from '../support/proxied-database.js';
import { scale } from '../support/scale.js';
import { waitFor } from '../support/wait-for.js';

const INTERVAL_MS = 20;
const LIMIT_MS = 600_000;

/** Callbacks that nobody sends again, 50 a second, and the response to each. */
class Stream {
  readonly sent: Promise<CallbackResponse | undefined>[] = [];
  readonly transactions: string[] = [];
  private stopped = false;
  private readonly running: Promise<void>;

  constructor(
    private readonly sender: CallbackSender,
    private readonly origins: readonly string[],
  ) {
    this.running = this.run();
  }

  async stop(): Promise<(CallbackResponse | undefined)[]> {
    this.stopped = true;
    await this.running;
    return Promise.all(this.sent);
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      const callback = redemption();
      this.transactions.push(String(callback['transaction_id']));
      const origin = this.origins[this.sent.length % this.origins.length]!;
      // A gateway that is killed does not answer.
      this.sent.push(this.sender.callback(origin, callback).catch(() => undefined));
      await sleep(INTERVAL_MS);
    }
  }
}

describe('callbacks, 50 a second, while the database is unavailable', () => {
  let database: ProxiedDatabase;
  let gateways: CrashableGateway[];
  let sender: CallbackSender;

  beforeEach(async () => {
    database = await newProxiedDatabase();
    gateways = [];
    sender = new CallbackSender(1_000, 60_000);
  });
  afterEach(async () => {
    await sender.close();
    for (const gateway of gateways) await gateway.close();
    await database.drop();
  });

  async function startGateways(count: number, env: Record<string, string>): Promise<void> {
    for (let index = 0; index < count; index += 1)
      gateways.push(await CrashableGateway.on({ ...database.env, LOG_LEVEL: 'info', ...env }));
    for (const gateway of gateways) gateway.start();
    await waitFor(
      'callbacks are recorded',
      async () => {
        const statuses = gateways.map(
          async ({ origin }) => (await sender.callback(origin, redemption())).status,
        );
        return (await Promise.all(statuses)).every((status) => status === 200);
      },
      60,
    );
  }
  const rowsOf = async (transactions: readonly string[]) => {
    const rows = await database.query('select transaction_id from ledger');
    const sent = new Set(transactions);
    return rows
      .map((row) => String(row['transaction_id']))
      .filter((each) => sent.has(each))
      .toSorted();
  };

  test(
    'are all recorded in an outage of 5 s, with the hold alone',
    async () => {
      await startGateways(1, { CALLBACK_HOLD_SECONDS: '8' });
      const stream = new Stream(sender, [gateways[0]!.origin]);
      await sleep(500);
      await database.proxy.refuse();
      await sleep(5_000);
      await database.proxy.accept();
      await sleep(500);
      const answers = await stream.stop();
      expect(answers.filter((answer) => answer?.status !== 200)).toEqual([]);
      expect(await rowsOf(stream.transactions)).toEqual(stream.transactions.toSorted());
    },
    LIMIT_MS,
  );

  test(
    'are all acknowledged in a long outage, and recorded exactly once, with a spool that two gateways share, which are killed',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'gateway-spool-'));
      await startGateways(2, { CALLBACK_HOLD_SECONDS: '1', SPOOL_DIR: folder });
      const stream = new Stream(
        sender,
        gateways.map(({ origin }) => origin),
      );
      await sleep(500);
      await database.proxy.refuse();
      const seconds = scale(3, 60);
      for (let second = 0; second < seconds; second += 1) {
        await sleep(1_000);
        const gateway = gateways[second % 2]!;
        await gateway.kill();
        gateway.start();
      }
      // Once more while the spool is drained.
      await database.proxy.accept();
      await waitFor('some are recorded', async () => (await rowsOf(stream.transactions)).length > 100, 60);
      await gateways[0]!.kill();
      gateways[0]!.start();
      await sleep(500);
      const answers = await stream.stop();
      const acknowledged = stream.transactions.filter((_, index) => answers[index]?.status === 200);
      await waitFor(
        'the spool is empty',
        () => readdirSync(folder).every((name) => !name.endsWith('.callbacks')),
        60,
      );
      const recorded = await rowsOf(stream.transactions);
      expect(new Set(recorded).size).toBe(recorded.length);
      expect(acknowledged.filter((each) => !recorded.includes(each))).toEqual([]);
      expect(answers.filter((answer) => answer?.outcome === 'spooled').length).toBeGreaterThan(20);
      // Only those whose gateway was killed, or was not there, were not acknowledged.
      expect(answers.filter((answer) => answer !== undefined && answer.status !== 200)).toEqual([]);
      rmSync(folder, { recursive: true });
    },
    LIMIT_MS,
  );

  test(
    'are all recorded in a long outage with a spool',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'gateway-spool-'));
      await startGateways(1, { CALLBACK_HOLD_SECONDS: '2', SPOOL_DIR: folder });
      const stream = new Stream(sender, [gateways[0]!.origin]);
      await sleep(500);
      await database.proxy.refuse();
      await sleep(scale(4, 60) * 1_000);
      await database.proxy.accept();
      await sleep(500);
      const answers = await stream.stop();
      expect(answers.filter((answer) => answer?.status !== 200)).toEqual([]);
      await waitFor(
        'all are recorded',
        async () => (await rowsOf(stream.transactions)).length >= stream.transactions.length,
        60,
      );
      expect(await rowsOf(stream.transactions)).toEqual(stream.transactions.toSorted());
      rmSync(folder, { recursive: true });
    },
    LIMIT_MS,
  );
});

/** Fills a disk soon. */
const large = () => redemption({ origin: 'x'.repeat(8_000) });

describeWithDisk('a spool on a disk of its own', () => {
  let disk: Disk;
  let database: ProxiedDatabase;
  let gateway: CrashableGateway;
  let sender: CallbackSender;

  beforeEach(async () => {
    disk = Disk.create();
    database = await newProxiedDatabase();
    gateway = await CrashableGateway.on({
      ...database.env,
      CALLBACK_HOLD_SECONDS: '0.1',
      SPOOL_DIR: join(disk.path, 'spool'),
    });
    sender = new CallbackSender();
    gateway.start();
    await waitFor('the gateway answers', async () => (await send(redemption()))?.status === 200, 60);
    await database.proxy.refuse();
  }, LIMIT_MS);
  afterEach(async () => {
    await sender.close();
    await gateway.close();
    await database.drop();
    disk.destroy();
  });

  const send = (fields: Fields) => sender.callback(gateway.origin, fields).catch(() => undefined);

  test(
    'acknowledges nothing while that is full, and takes callbacks again once there is space',
    async () => {
      const empty = disk.fill();
      await waitFor('there is no space left', async () => (await send(large()))?.status === 503, 60);
      empty();
      expect((await send(large()))?.outcome).toBe('spooled');
      await database.proxy.accept();
      await waitFor('the spool is empty', () => readdirSync(join(disk.path, 'spool')).length === 0, 60);
    },
    LIMIT_MS,
  );

  test(
    'has what it acknowledged also after a loss of power',
    async () => {
      const callbacks = Array.from({ length: 40 }, () => redemption());
      for (const half of [callbacks.slice(0, 20), callbacks.slice(20)]) {
        const answers = await Promise.all(half.map(send));
        expect(answers.map((answer) => answer?.outcome)).toEqual(half.map(() => 'spooled'));
      }
      await gateway.kill();
      disk.losePower();
      await database.proxy.accept();
      gateway.start();
      const expected = callbacks.map((each) => String(each['transaction_id']));
      await waitFor(
        'all are recorded',
        async () => {
          const rows = await database.query('select transaction_id from ledger');
          const recorded = new Set(rows.map((row) => row['transaction_id']));
          return expected.every((each) => recorded.has(each));
        },
        60,
      );
    },
    LIMIT_MS,
  );
});
