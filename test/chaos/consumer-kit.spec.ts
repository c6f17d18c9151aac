import { setTimeout as sleep } from 'node:timers/promises';
import { CallbackSender, isAccepted } from '../support/callback-sender.js';
import { consumersConfig, CONSUMER_SECRET } from '../support/consumer.js';
import { CrashableGateway } from '../support/crashable-gateway.js';
import { credentials } from '../support/gateway.js';
import { KitWallet } from '../support/kit-wallet.js';
import { PostgresServer } from '../support/postgres.js';
import { seededRandom } from '../support/random.js';
import { RetryingKiipClient } from '../support/retrying-kiip-client.js';
import { scale } from '../support/scale.js';
import { waitFor } from '../support/wait-for.js';

const ROUNDS = scale(1, 25);
/** Generous, not a target. */
const LIMIT_MS = 900_000;
const WAIT_SECONDS = 120;

describe('a wallet made with the consumer kit, while everything is killed at random', () => {
  const random = seededRandom();
  let wallet: KitWallet;
  let ledger: PostgresServer;
  let balances: PostgresServer;
  let gateways: CrashableGateway[];

  beforeAll(async () => {
    [wallet, ledger, balances] = await Promise.all([
      KitWallet.install(),
      PostgresServer.create(),
      PostgresServer.create(),
    ]);
    const env = { DATABASE_URL: ledger.url('postgres'), DELIVERY_CONSUMERS: consumersConfig(wallet.url) };
    gateways = [await CrashableGateway.on(env), await CrashableGateway.on(env)];
    for (const gateway of gateways) gateway.start();
    startWallet();
  }, LIMIT_MS);
  afterAll(async () => {
    await Promise.all(gateways.map((gateway) => gateway.close()));
    await wallet.remove();
    await Promise.all([ledger.destroy(), balances.destroy()]);
  });

  const startWallet = () => wallet.start(balances.url('postgres'), CONSUMER_SECRET, gateways[0]!.origin);
  const inWallet = (statement: string) => balances.query('postgres', statement);
  const count = async () => Number((await inWallet('select count(*) from credits'))[0]!['count']);

  /** Each is killed, and there again at once. */
  const victims: Record<string, () => Promise<void>> = {
    'a gateway': async () => {
      const gateway = gateways[random() < 0.5 ? 0 : 1]!;
      await gateway.kill();
      gateway.start();
    },
    'the wallet': async () => {
      await wallet.kill();
      startWallet();
    },
    'the database of the gateways': async () => {
      await ledger.kill();
      await ledger.start();
    },
    'the database of the wallet': async () => {
      await balances.kill();
      await balances.start();
    },
  };

  test(
    'counts exactly what the ledger says',
    async () => {
      const origins = gateways.map(({ origin }) => origin);
      await waitFor('the wallet has its tables', async () => (await count()) === 0, WAIT_SECONDS);
      const kiip = new RetryingKiipClient(origins, { inFlight: 4, pauseMs: 5 });
      for (let round = 0; round < ROUNDS; round += 1)
        for (const [, kill] of Object.entries(victims).toSorted(() => random() - 0.5)) {
          const enough = kiip.acknowledged.size + 5 + random() * 40;
          await waitFor('some more are acknowledged', () => kiip.acknowledged.size >= enough, WAIT_SECONDS);
          await sleep(random() * 20);
          await kill();
        }
      await kiip.finish();
      const { size } = kiip.sent;
      await waitFor('the wallet has counted all', async () => (await count()) >= size, WAIT_SECONDS);

      const sender = new CallbackSender();
      const accepted = (await sender.ledger(origins[0]!)).filter(isAccepted);
      await sender.close();
      const credits = await inWallet('select id, way from credits');
      expect(credits.map(({ id }) => String(id)).toSorted()).toEqual(accepted.map(({ id }) => id).toSorted());
      expect(credits).toHaveLength(size);
      const sums = await inWallet('select content, quantity::int from balances');
      const response = await fetch(`${origins[0]!}/api/v1/kiip/users/user-123/balances`, {
        headers: credentials,
      });
      expect(await response.json()).toMatchObject({ balances: sums });
      const ways = Map.groupBy(credits, ({ way }) => way);
      expect([...ways.keys()].map(String).toSorted()).toEqual(['feed', 'webhook']);
      const list = [...ways].map(([way, { length }]) => `${length} by ${String(way)}`);
      console.info(`${ROUNDS * Object.keys(victims).length} kills, ${size} entries: ${list.join(', ')}`);
    },
    LIMIT_MS,
  );
});
