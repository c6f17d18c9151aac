import { createInboxTables, RewardsConsumer } from '@rewards-gateway/consumer';
import { fastifyConsumer } from '@rewards-gateway/consumer/fastify';
import { pgInbox } from '@rewards-gateway/consumer/pg';
import { fastify } from 'fastify';
import { Pool } from 'pg';

const { DATABASE_URL, WEBHOOK_SECRETS, PORT } = process.env;
if (!WEBHOOK_SECRETS)
  throw new Error('Set WEBHOOK_SECRETS to the signing secrets of this consumer, with commas.');
const pool = new Pool({ connectionString: DATABASE_URL });
// Connections that are lost while nobody uses them.
pool.on('error', console.error);
await pool.query(`${createInboxTables()}
  create table if not exists balances (user_id text, content text, quantity bigint, primary key (user_id, content))`);

const consumer = new RewardsConsumer({
  secrets: WEBHOOK_SECRETS.split(','),
  inbox: pgInbox(pool),
  handle: ({ data }, tx) =>
    tx.query(
      `insert into balances values ($1, $2, $3)
       on conflict (user_id, content) do update set quantity = balances.quantity + excluded.quantity`,
      [data.user_id, data.content, data.quantity],
    ),
});

const app = fastify({ requestTimeout: 10_000 });
app.register(fastifyConsumer(consumer), { prefix: '/events' });
app.get<{ Params: { user: string } }>('/users/:user/balances', async ({ params }) => {
  const { rows } = await pool.query('select content, quantity from balances where user_id = $1', [
    params.user,
  ]);
  return rows;
});
await app.listen({ port: Number(PORT ?? 8080) });
