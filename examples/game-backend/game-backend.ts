import { RewardsGatewayClient } from '@rewards-gateway/client';
import type { Schemas } from '@rewards-gateway/client';
import { fastify } from 'fastify';

const { GATEWAY_URL, GATEWAY_TOKEN, PORT } = process.env;
const gateway = new RewardsGatewayClient({
  url: GATEWAY_URL ?? 'http://127.0.0.1:3000',
  token: GATEWAY_TOKEN ?? 'demo-key-for-this-machine-only',
});
const app = fastify();

app.get<{ Params: { user: string } }>('/users/:user/badge', ({ params }) =>
  gateway.getUnviewedCount({ external_user_id: params.user, external_program_id: 'program456' }),
);

/** The app makes a completion id each time that the user finishes a level, and repeats a request with the same one. */
interface FinishedLevel {
  Params: { user: string; level: string; completion: string };
  Body: Schemas['KiipDevice'];
}

app.put<FinishedLevel>('/users/:user/levels/:level/:completion', async ({ params, body, ip }) => {
  const { user, level, completion } = params;
  const moment = { id: `${level}-done` };
  const request = {
    app: { version: '1.0' },
    connection: { ip },
    device: body,
    user: { userid: user },
    moment,
  };
  const { reward } = await gateway.postKiipMoment({ body: request }, { idempotencyKey: completion });
  return { page: reward?.display_url ?? null };
});

await app.listen({ port: Number(PORT ?? 8000) });
