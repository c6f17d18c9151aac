import { sql } from 'kysely';
import { Database } from '../../src/database/database.js';
import { during, startFlood } from '../support/flood.js';
import { formOf, redemption, startKiipGateway } from '../support/kiip.js';
import type { KiipGateway } from '../support/kiip.js';
import { findSeries, scrapeMetrics } from '../support/metrics.js';
import { scale } from '../support/scale.js';
import { waitFor } from '../support/wait-for.js';

const LIMIT = 50;
const json = { 'content-type': 'application/json' };

let gateway: KiipGateway;

beforeAll(async () => {
  gateway = await startKiipGateway({
    CALLBACK_RATE_LIMIT_PER_MINUTE: String(LIMIT),
    // Some of a flood wait for their turn for long on a busy machine.
    DATABASE_TIMEOUT_MS: '20000',
    KIIP_UNKNOWN_USERS: 'accept',
    TRUSTED_PROXY_HOPS: '1',
  });
});
afterAll(() => gateway.close());

async function outcomes(): Promise<Record<string, number>> {
  const series = findSeries(await scrapeMetrics(gateway), 'rewards_gateway_kiip_callbacks_total');
  const counts: Record<string, number> = {};
  for (const [labels, count] of Object.entries(series)) {
    const outcome = /outcome="(\w+)"/.exec(labels)![1]!;
    counts[outcome] = (counts[outcome] ?? 0) + count;
  }
  return counts;
}

/** What the outcomes have grown by. */
async function counted(work: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = await outcomes();
  await work();
  const entries = Object.entries(await outcomes()).map(
    ([outcome, count]) => [outcome, count - before[outcome]!] as const,
  );
  return Object.fromEntries(entries.filter(([, count]) => count > 0));
}

const stored = async () =>
  (
    await gateway.app.get(Database, { strict: false }).run((db) =>
      sql<{ content_type: string; source: string; is_protected: boolean }>`
        select content_type, source, is_protected from rejected_callbacks order by id`.execute(db),
    )
  ).rows;
const clear = () =>
  gateway.app.get(Database, { strict: false }).run((db) => sql`delete from rejected_callbacks`.execute(db));

describe('a flood of callbacks that do not verify', () => {
  it('is limited and counted, and keeps no genuine callback of the same address from being recorded', async () => {
    const genuine: number[] = [];
    const counts = await counted(async () => {
      const flood = startFlood(gateway.url, 8, (index) => ({
        method: 'POST',
        path: '/callbacks/kiip',
        headers: json,
        body: index % 2 ? JSON.stringify(redemption({ signature: '0'.repeat(40) })) : `{"n":${index}}`,
      }));
      const send = async () => (await gateway.callback(redemption())).status;
      genuine.push(...(await during(scale(1, 5), send)));
      await waitFor('the flood is beyond the limit', async () => {
        genuine.push(await send());
        return flood.ended > 2 * LIMIT;
      });
      await flood.stop();
    });
    expect(genuine.length).toBeGreaterThan(5);
    expect(new Set(genuine)).toEqual(new Set([200]));
    expect(counts['recorded']).toBe(genuine.length);
    expect(counts['rate_limited']).toBeGreaterThan(0);
    expect(counts['malformed']! + counts['wrong_signature']!).toBeLessThanOrEqual(LIMIT);
    const rejected = await gateway.callback(redemption({ signature: '0'.repeat(40) }));
    expect(rejected.status).toBe(429);
    expect(rejected.headers.get('ratelimit-policy')).toBe(`"callback";q=${LIMIT};w=60`);
  });

  it('stores a body once whatever its headers are, and the kind of media alone', async () => {
    await clear();
    const from = { 'x-forwarded-for': '2001:db8::7' };
    const body = JSON.stringify(redemption({ signature: '0'.repeat(40), user_id: 'known' }));
    await gateway.know('known');
    const types = ['', ';x=1', `; charset=utf-8; y=${'z'.repeat(5_000)}`].map(
      (rest) => `application/json${rest}`,
    );
    for (const type of types) {
      const response = await fetch(`${gateway.url}/callbacks/kiip`, {
        method: 'POST',
        headers: { ...from, 'content-type': type },
        body,
      });
      expect(response.status).toBe(401);
    }
    await fetch(`${gateway.url}/callbacks/kiip`, {
      method: 'POST',
      headers: { ...from, 'content-type': 'application/x-www-form-urlencoded; x=y' },
      body: formOf(redemption({ signature: '0'.repeat(40), user_id: 'unknown' })),
    });
    expect(await stored()).toEqual([
      { content_type: 'application/json', source: '2001:db8:0:0::/64', is_protected: true },
      { content_type: 'application/x-www-form-urlencoded', source: '2001:db8:0:0::/64', is_protected: false },
    ]);
  });
});

describe('a flood of a callback that was captured', () => {
  it('takes turns with the callbacks of others, whatever it is split into', async () => {
    const captured = redemption({ name: 'Gold12345', quantity: 20 });
    const splits = ['Gold12345', 'Gold1234', 'Gold123', 'Gold12', 'Gold1', 'Gold'].map((name) => ({
      ...captured,
      name,
      quantity: 'Gold12345'.slice(name.length) + '20',
    }));
    // Opens the connections, so that nobody waits for these.
    const size = 160;
    const flood = () =>
      Array.from({ length: size }, (_, index) => gateway.callback(splits[index % splits.length]!));
    await Promise.all(flood());
    let ended = 0;
    const repeats = flood().map(async (answer) => {
      const { status } = await answer;
      ended += 1;
      return status;
    });
    await waitFor('the flood has begun to be answered', () => ended > 0);
    const before = ended;
    expect((await gateway.callback(redemption())).status).toBe(200);
    // About as many as are recorded at a time, for each of the few statements of a callback.
    expect(ended - before).toBeLessThan(size / 4);
    expect(new Set(await Promise.all(repeats))).toEqual(new Set([200]));
  });
});
