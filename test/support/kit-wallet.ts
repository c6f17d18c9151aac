import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { freePort } from './free-port.js';
import { apiKey } from './gateway.js';
import { installConsumer } from './packed-consumer.js';
import type { PackedConsumer } from './packed-consumer.js';

/**
 * Counts each entry, and keeps which way it came. It writes in two statements with a pause in between, where it may be killed, and reads
 * the feed all the time, so that the two ways compete.
 */
const WALLET = `
import { setTimeout as sleep } from 'node:timers/promises';
import { createInboxTables, RewardsConsumer } from '@rewards-gateway/consumer';
import { fastifyConsumer } from '@rewards-gateway/consumer/fastify';
import { pgInbox } from '@rewards-gateway/consumer/pg';
import fastify from 'fastify';
import pg from 'pg';
import { RewardsGatewayClient } from './client.js';

const { WALLET_URL, WALLET_PORT, WALLET_SECRET, GATEWAY_URL, GATEWAY_TOKEN } = process.env;
const pool = new pg.Pool({ connectionString: WALLET_URL, connectionTimeoutMillis: 1000 });
pool.on('error', () => undefined);
const inbox = pgInbox(pool);
const consumerBy = (way) =>
  new RewardsConsumer({
    secrets: [WALLET_SECRET],
    inbox,
    onError: () => undefined,
    handle: async ({ data }, tx) => {
      await tx.query('insert into credits values ($1, $2)', [data.id, way]);
      await sleep(Math.random() * 5);
      await tx.query(
        'insert into balances values ($1, $2, $3) on conflict (user_id, content) do update set quantity = balances.quantity + excluded.quantity',
        [data.user_id, data.content, data.quantity],
      );
    },
  });
const tables = createInboxTables() + \`
  create table if not exists credits (id text, way text);
  create table if not exists balances (user_id text, content text, quantity bigint, primary key (user_id, content));\`;
while (!(await pool.query(tables).catch(() => undefined))) await sleep(20);
const app = fastify();
app.register(fastifyConsumer(consumerBy('webhook')), { prefix: '/events' });
await app.listen({ port: Number(WALLET_PORT), host: '127.0.0.1' });
const reader = consumerBy('feed');
for (;;) {
  const client = new RewardsGatewayClient({ url: GATEWAY_URL, token: GATEWAY_TOKEN, deadlineMs: 1000 });
  await reader.catchUp(client).catch(() => undefined);
  await sleep(100);
}
`;

/** A wallet made with the packed consumer kit, as a process of its own. */
export class KitWallet {
  #process: ChildProcess | undefined;

  private constructor(
    private readonly packed: PackedConsumer,
    private readonly port: number,
  ) {}

  static async install(): Promise<KitWallet> {
    const packed = await installConsumer();
    const input = fileURLToPath(new URL('../../clients/typescript/src/index.ts', import.meta.url));
    const bundle = await rolldown({
      input,
      platform: 'node',
      resolve: { extensionAlias: { '.js': ['.ts'] } },
    });
    await bundle.write({ file: join(packed.folder, 'client.js') });
    await bundle.close();
    writeFileSync(join(packed.folder, 'wallet.js'), WALLET);
    return new KitWallet(packed, await freePort());
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/events`;
  }

  start(databaseUrl: string, secret: string, gatewayUrl: string): void {
    const env = {
      WALLET_URL: databaseUrl,
      WALLET_PORT: String(this.port),
      WALLET_SECRET: secret,
      GATEWAY_URL: gatewayUrl,
      GATEWAY_TOKEN: apiKey,
    };
    this.#process = spawn(process.execPath, ['wallet.js'], {
      cwd: this.packed.folder,
      env,
      stdio: 'inherit',
    });
  }

  /** @throws if it ended by itself */
  async kill(): Promise<void> {
    const child = this.#process!;
    if (child.exitCode !== null) throw new Error(`the wallet ended with code ${child.exitCode}`);
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  async remove(): Promise<void> {
    if (this.#process?.exitCode === null && this.#process.signalCode === null) await this.kill();
    this.packed.remove();
  }
}
