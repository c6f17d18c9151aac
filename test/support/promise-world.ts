import { startKiipSandbox } from '@rewards-gateway/sandbox';
import type { KiipReward, KiipSandbox } from '@rewards-gateway/sandbox';
import type { Environment } from '../../src/config/read-config.js';
import { newDatabase } from './databases.js';
import type { TestDatabase } from './databases.js';
import { DEFAULTS, startKiipGateway } from './kiip.js';
import type { Fields, KiipGateway } from './kiip.js';
import { kiipAppKey, momentOf } from './kiip-world.js';

export interface CallbackAnswer {
  readonly status: string;
  readonly id: string;
}

/** A simulated Kiip and gateways with the default configuration on one database, which returns what happened to money. */
export interface PromiseWorld {
  readonly kiip: KiipSandbox;
  readonly database: TestDatabase;
  readonly gateway: KiipGateway;
  /** Starts another gateway on the same database, for the calls that follow. The others stay. */
  start(env?: Environment): Promise<KiipGateway>;
  /** Closes the gateway that was started last, and uses the one before. */
  stop(): Promise<void>;
  /** Sends a moment for a user, and returns the reward that it got, as Kiip knows it. */
  reward(user: string): Promise<KiipReward>;
  send(fields: Fields): Promise<CallbackAnswer>;
  decide(id: string, decision: 'release' | 'discard'): Promise<number>;
  reasonOf(id: string): Promise<string>;
  /** The sum of what a user has, of all currencies. */
  balanceOf(user: string): Promise<number>;
  close(): Promise<void>;
}

export async function startPromiseWorld(env: Environment = {}): Promise<PromiseWorld> {
  const [kiip, database] = [await startKiipSandbox(), await newDatabase()];
  kiip.configure({ appSecret: 'test_app_secret_0001' });
  const gateways: KiipGateway[] = [];
  const current = () => gateways.at(-1)!;
  const start = async (more: Environment = {}) => {
    const gateway = await startKiipGateway({
      ...DEFAULTS,
      ...database.env,
      KIIP_BASE_URL: kiip.url,
      KIIP_APP_KEY: kiipAppKey,
      ...env,
      ...more,
    });
    gateways.push(gateway);
    return gateway;
  };
  await start();
  return {
    kiip,
    database,
    get gateway() {
      return current();
    },
    start,
    stop: async () => gateways.pop()?.close(),
    async reward(user) {
      const response = await current().post('/api/v1/kiip/moments', momentOf(user));
      if (response.status !== 200) throw new Error(`the moment got status ${response.status}`);
      return kiip.rewards().at(-1)!;
    },
    async send(fields) {
      const { status, body } = await current().callback(fields);
      if (status !== 200) throw new Error(`the callback got status ${status}`);
      return { status: String(body['status']), id: String(body['id']) };
    },
    decide: async (id, decision) =>
      (await current().post(`/api/v1/kiip/issuances/${id}/${decision}`, {})).status,
    reasonOf: async (id) => String((await current().read(`/issuances/${id}`))['reason']),
    async balanceOf(user) {
      const path = `/users/${encodeURIComponent(user)}/balances`;
      const { balances } = (await current().read(path)) as unknown as { balances: { quantity: number }[] };
      return balances.reduce((sum, { quantity }) => sum + quantity, 0);
    },
    async close() {
      for (const gateway of gateways) await gateway.close();
      await kiip.close();
      await database.drop();
    },
  };
}

/** The fields of a genuine callback for a reward. */
export function fieldsOf({ content, name, quantity, user_id, view_id }: KiipReward): Fields {
  return { content, name, quantity, user_id: user_id ?? '', transaction_id: view_id };
}
