import { badge, startWorld } from '../support/gateway.js';
import type { World } from '../support/gateway.js';
import { passSeconds, restoreClock } from '../support/clock.js';
import { scrapeMetrics } from '../support/metrics.js';

let world: World;
let users = 0;

beforeEach(async () => {
  world = await startWorld();
  world.kigo.configure({ unknownUser: 'create' });
  // One window, however busy the machine is.
  passSeconds(0);
});
afterEach(async () => {
  restoreClock();
  await world.close();
});

/** Asks for a new user. Kigo answers one look-up and one summary. */
async function ask(): Promise<number> {
  users += 1;
  return (await world.gateway.get(badge(`user-${users}`))).status;
}

/** Asks for a new user, whose first summary fails. */
function askWithFault(): Promise<number> {
  world.kigo.addFault({ kind: 'status', status: 500, route: 'summary', times: 1 });
  return ask();
}

async function metric(name: string, operation: string): Promise<number | undefined> {
  const series = `rewards_gateway_upstream_${name}{upstream="kigo",operation="${operation}"}`;
  return (await scrapeMetrics(world.gateway))[series];
}

it('retries are at most 20 and a tenth of the successful calls in 10 s', async () => {
  let mended = 0;
  while ((await askWithFault()) === 200) mended += 1;
  // The login, and two calls for each user.
  const successes = 1 + 2 * mended + 1;
  expect(mended).toBe(Math.floor(20 + successes / 10));
  expect(world.kigo.requests('summary')).toHaveLength(2 * mended + 1);
  expect(await metric('retries_total', 'hub-summary')).toBe(mended);
  expect(await metric('retries_refused_total', 'hub-summary')).toBe(1);

  // Ten more successes are one more retry.
  for (let user = 0; user < 4; user += 1) expect(await ask()).toBe(200);
  expect(await askWithFault()).toBe(200);
  expect(await askWithFault()).toBe(502);

  passSeconds(10);
  expect(await askWithFault()).toBe(200);
});

it('a login is retried, although other calls have used up the budget', async () => {
  while ((await askWithFault()) === 200);
  world.kigo.revokeAllTokens();
  world.kigo.addFault({ kind: 'status', status: 500, route: 'login', times: 2 });
  expect(await ask()).toBe(200);
  expect(await metric('retries_total', 'login')).toBe(2);
});

it('a call that is sent again with a new token is no retry', async () => {
  for (let user = 0; user < 30; user += 1) {
    world.kigo.revokeAllTokens();
    expect(await ask()).toBe(200);
  }
  expect(await metric('retries_total', 'lookup')).toBe(0);
  // Nor is it one when it follows a retry.
  world.kigo.addFault({ kind: 'status', status: 500, route: 'lookup', times: 1 });
  world.kigo.addFault({ kind: 'status', status: 401, route: 'lookup', times: 1 });
  world.kigo.clearRequests();
  expect(await ask()).toBe(200);
  expect(world.kigo.requests('lookup')).toHaveLength(3);
  expect(await metric('retries_total', 'lookup')).toBe(1);
  expect(await metric('retries_refused_total', 'lookup')).toBe(0);
});
