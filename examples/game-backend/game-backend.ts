import { hash } from 'node:crypto';
import { GatewayProblem, RewardsGatewayClient } from '@rewards-gateway/client';
import type { Schemas } from '@rewards-gateway/client';
import { fastify } from 'fastify';

const { GATEWAY_URL, GATEWAY_TOKEN, PORT } = process.env;
const gateway = new RewardsGatewayClient({
  url: GATEWAY_URL ?? 'http://127.0.0.1:3000',
  token: GATEWAY_TOKEN ?? 'demo-key-for-this-machine-only',
});
const app = fastify();
// The statuses of the gateway are for this backend: an app would sign its user out after a 401.
app.setErrorHandler((error, _request, reply) => {
  if (!(error instanceof GatewayProblem)) return reply.send(error);
  console.error(error, error.requestId);
  return reply.code(error.retryable ? 503 : 502).send({ error: 'The rewards are not available.' });
});

app.get<{ Params: { user: string } }>('/users/:user/badge', ({ params }) =>
  gateway.getUnviewedCount({ external_user_id: params.user, external_program_id: 'program456' }),
);

/** The first request of each completion, since a repeat may come from another address or device. Keep yours in a database. */
const requests = new Map<string, Schemas['KiipMomentRequest']>();

/** The app makes a completion id each time that the user finishes a level, and repeats a request with the same one. */
interface FinishedLevel {
  Params: { user: string; level: string; completion: string };
  Body: Schemas['KiipDevice'];
}

app.put<FinishedLevel>('/users/:user/levels/:level/:completion', async ({ params, body: device, ip }) => {
  const { user, level, completion } = params;
  const idempotencyKey = hash('sha256', JSON.stringify([user, level, completion]));
  const moment = { id: `${level}-done` };
  const first = { app: { version: '1.0' }, connection: { ip }, device, user: { userid: user }, moment };
  const body = requests.get(idempotencyKey) ?? first;
  requests.set(idempotencyKey, body);
  const { reward } = await gateway.postKiipMoment({ body }, { idempotencyKey });
  return { page: reward?.display_url ?? null };
});

await app.listen({ port: Number(PORT ?? 8000) });
