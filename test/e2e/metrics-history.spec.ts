import { startKigoSandbox } from '@rewards-gateway/sandbox';
import type { KigoSandbox } from '@rewards-gateway/sandbox';
import { MetricsHistoryService } from '../../src/metrics/metrics-history.service.js';
import { startCallbackReceiver } from '../support/callback-receiver.js';
import type { CallbackReceiver } from '../support/callback-receiver.js';
import { consumersConfig } from '../support/consumer.js';
import { newDatabase } from '../support/databases.js';
import { badge } from '../support/gateway.js';
import { redemption, startKiipGateway } from '../support/kiip.js';
import type { KiipGateway } from '../support/kiip.js';
import { waitFor } from '../support/wait-for.js';

const STEP_MS = 10_000;

let kigo: KigoSandbox;
let consumer: CallbackReceiver;
let gateway: KiipGateway;

beforeAll(async () => {
  kigo = await startKigoSandbox();
  consumer = await startCallbackReceiver();
  gateway = await startKiipGateway({
    KIGO_BASE_URL: kigo.url,
    DELIVERY_CONSUMERS: consumersConfig(consumer.url),
  });
});
afterAll(async () => {
  await gateway.close();
  await consumer.close();
  await kigo.close();
});

interface History {
  readonly replica: string;
  readonly step_seconds: number;
  readonly to: string;
  readonly series: Record<string, (number | null)[]>;
}

/** Nobody needs a credential for it, as for /metrics. */
const read = async ({ url } = gateway) => (await (await fetch(`${url}/metrics/history`)).json()) as History;
/** Ends steps as if their time was over. */
let now = performance.now();
const endStep = ({ app } = gateway) =>
  app.get(MetricsHistoryService, { strict: false }).sample((now += STEP_MS));

it('has what has happened in each step', async () => {
  await endStep();
  consumer.answer(200, ...Array.from({ length: 100 }, () => 500));
  for (let count = 0; count < 5; count += 1) await gateway.callback(redemption());
  await gateway.callback(redemption({ signature: '0'.repeat(40) }));
  for (let count = 0; count < 4; count += 1) expect((await gateway.get(badge())).status).toBe(200);
  await waitFor('one is delivered, and one is not', async () => {
    const page = await (await gateway.get('/api/v1/deliveries')).json();
    const { items } = page as { items: { status: string; attempts: number }[] };
    return ['delivered', 'pending'].every((status) =>
      items.some((item) => item.status === status && item.attempts > 0),
    );
  });
  await endStep();
  const { series, to, ...rest } = await read();
  expect(rest).toEqual({ replica: expect.stringMatching(/./), step_seconds: 10 });
  expect(Math.abs(Date.now() - Date.parse(to))).toBeLessThan(60_000);
  expect(series).toEqual({
    callbacks: [0, 0.5],
    callbacks_rejected: [0, 0.1],
    deliveries: [0, 0.1],
    deliveries_failed: [0, expect.any(Number)],
    counts: [0, 0.4],
    counts_cached: [0, 0.3],
    kigo_ms: [null, expect.any(Number)],
    kiip_ms: [null, null],
    backlog: [null, null],
  });
  expect(series['deliveries_failed']!.at(-1)).toBeGreaterThanOrEqual(0.1);
  expect(series['kigo_ms']!.at(-1)).toBeGreaterThan(0);
  // Reading it has had them counted.
  await waitFor('the pending deliveries are counted', async () => {
    await endStep();
    return (await read()).series['backlog']!.at(-1) === 4;
  });
});

it('has no deliveries in an API pod, which does not deliver, but what waits for the workers', async () => {
  const database = await newDatabase();
  const pod = await startKiipGateway({
    ...database.env,
    ROLE: 'api',
    DELIVERY_CONSUMERS: consumersConfig(consumer.url),
  });
  await pod.callback(redemption());
  await waitFor('what waits is counted', async () => {
    await endStep(pod);
    return (await read(pod)).series['backlog']!.at(-1) === 1;
  });
  const { series } = await read(pod);
  expect([series['deliveries']!.at(-1), series['deliveries_failed']!.at(-1)]).toEqual([null, null]);
  await pod.close();
  await database.drop();
});

it('has an hour at most', async () => {
  for (let step = 0; step < 361; step += 1) await endStep();
  const { series } = await read();
  expect(Object.values(series).map((values) => values.length)).toEqual(Object.keys(series).map(() => 360));
});
