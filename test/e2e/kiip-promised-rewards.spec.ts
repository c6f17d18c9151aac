import { Database } from '../../src/database/database.js';
import { eraseUser } from '../../src/retention/personal-data.js';
import { consumersConfig } from '../support/consumer.js';
import { kiipAppKey, momentCall, momentOf } from '../support/kiip-world.js';
import { content, issuance, redemption, transaction } from '../support/kiip.js';
import type { Fields } from '../support/kiip.js';
import { findSeries, scrapeMetrics } from '../support/metrics.js';
import { fieldsOf, startPromiseWorld } from '../support/promise-world.js';
import type { PromiseWorld } from '../support/promise-world.js';
import { waitFor } from '../support/wait-for.js';

let world: PromiseWorld;
let users = 0;
/** A user that no other test has. */
const newUser = () => `user-${(users += 1)}-x`;

/** Makes Kiip sign a reward of a user that this gateway has not asked for: anybody who has the app key can. */
async function askKiipDirectly(userid: string) {
  const { kiip } = world;
  const response = await fetch(`${kiip.url}/2.0/server/moment/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...momentOf(userid), app: { app_key: kiipAppKey, version: '1' }, test: false }),
  });
  expect(response.status).toBe(200);
  return kiip.rewards().at(-1)!;
}

/** A callback with other fields and the signature of a genuine one. */
function recut(genuine: Fields, changes: Fields): Fields {
  return { ...genuine, ...changes };
}

describe('a callback with the default configuration', () => {
  beforeAll(async () => {
    world = await startPromiseWorld();
  });
  afterAll(() => world.close());
  beforeEach(() => {
    world.kiip.configure({ virtualValue: false, currencyName: 'Coins', currencyQuantity: 20 });
  });

  it('is recorded for a reward that a moment has returned, and so are later issuances of it', async () => {
    const user = newUser();
    const reward = await world.reward(user);
    expect(reward.user_id).toMatch(/^ku_/);
    expect((await world.send(redemption(fieldsOf(reward)))).status).toBe('recorded');
    const { name: _, ...fields } = fieldsOf(reward);
    expect((await world.send(issuance(fields))).status).toBe('recorded');
    expect(await world.balanceOf(user)).toBe(40);
  });

  it('is recorded for a reward whose page the caller must not get', async () => {
    const user = newUser();
    world.kiip.configure({ bodyUrl: 'foreign-host' });
    const response = await world.gateway.post('/api/v1/kiip/moments', momentOf(user));
    world.kiip.configure({ bodyUrl: 'normal' });
    expect(response.status).toBe(502);
    expect((await world.send(redemption(fieldsOf(world.kiip.rewards().at(-1)!)))).status).toBe('recorded');
  });

  it('waits for a decision if no moment has returned its transaction', async () => {
    const user = newUser();
    const { user_id } = await world.reward(user);
    const { status, id } = await world.send(redemption({ user_id: user_id! }));
    expect([status, await world.reasonOf(id)]).toEqual(['quarantined', 'unknown-reward']);
    expect(await world.decide(id, 'release')).toBe(200);
    expect(await world.balanceOf(user)).toBe(20);
  });

  it.each([
    ['a redemption', redemption],
    ['an issuance', issuance],
  ])('credits nothing that a stranger has made Kiip sign for a longer user id: %s', async (_, make) => {
    const user = newUser();
    const own = (await world.reward(user)).user_id!;
    const stranger = await askKiipDirectly(`9999999${own}`);
    const { name: __, ...common } = fieldsOf(stranger);
    const genuine = make(make === redemption ? fieldsOf(stranger) : common);
    const forged = recut(genuine, { quantity: 209_999_999, user_id: own });
    expect((await world.send(forged)).status).toBe('quarantined');
    expect((await world.send(genuine)).status).toBe('quarantined');
    expect(await world.balanceOf(user)).toBe(0);
  });

  it('credits nothing that hides its own transaction behind a promised one', async () => {
    const user = newUser();
    const promised = await world.reward(user);
    const { user_id: own, view_id } = promised;
    // Kiip signs an issuance for this user id, which ends with the transaction that was promised to the user.
    const stranger = await askKiipDirectly(`${own}${view_id}`);
    const { name: _, ...common } = fieldsOf(stranger);
    const genuine = issuance({ ...common, nonce: 'n-17', origin: 'survey' });
    const forged = recut(genuine, {
      user_id: own!,
      transaction_id: view_id,
      nonce: `${stranger.view_id}n-17`,
    });
    const { status, id } = await world.send(forged);
    expect([status, await world.reasonOf(id)]).toEqual(['quarantined', 'more-than-one-reading']);
    // The same with a redemption, whose text ends with its transaction.
    const redeemed = redemption({ ...fieldsOf(stranger), name: 'oins', content: 'c' });
    const { name: __, ...rest } = redeemed;
    const asIssuance = {
      ...rest,
      content: 'coins',
      user_id: own!,
      transaction_id: view_id,
      nonce: stranger.view_id.slice(0, 8),
      origin: stranger.view_id.slice(8),
    };
    expect((await world.send(asIssuance)).status).toBe('quarantined');
    expect(await world.balanceOf(user)).toBe(0);
  });

  it('records an issuance whose nonce looks like an id', async () => {
    const { name: _, ...fields } = fieldsOf(await world.reward(newUser()));
    expect((await world.send(issuance({ ...fields, nonce: transaction() }))).status).toBe('recorded');
  });

  it('waits if its transaction was promised to another user', async () => {
    const [alice, bob] = [await world.reward(newUser()), await world.reward(newUser())];
    const { status, id } = await world.send(redemption({ ...fieldsOf(alice), user_id: bob.user_id! }));
    expect([status, await world.reasonOf(id)]).toEqual(['quarantined', 'promised-to-another-user: user_id']);
    expect((await world.send(redemption(fieldsOf(alice)))).status).toBe('recorded');
  });

  it('waits if its moment had no user', async () => {
    await world.gateway.post('/api/v1/kiip/moments', momentCall);
    const reward = world.kiip.rewards().at(-1)!;
    const { id } = await world.send(redemption({ ...fieldsOf(reward), user_id: 'anyone' }));
    expect(await world.reasonOf(id)).toBe('promised-to-another-user: user_id');
  });

  it('waits if another quantity was promised, and whatever comes first, the promised one is recorded', async () => {
    world.kiip.configure({ virtualValue: true, currencyName: 'Gold1' });
    for (const forgedFirst of [true, false]) {
      const user = newUser();
      const genuine = redemption(fieldsOf(await world.reward(user)));
      const forged = recut(genuine, { name: 'Gold', quantity: 120 });
      const answers: Record<string, string> = {};
      for (const fields of forgedFirst ? [forged, genuine] : [genuine, forged])
        answers[String(fields['name'])] = (await world.send(fields)).status;
      expect(answers).toEqual({ Gold1: 'recorded', Gold: 'quarantined' });
      expect(await world.balanceOf(user)).toBe(20);
    }
  });

  it.each<[string, Fields]>([
    ['a content that ends in a digit', { content: 'season3' }],
    ['a name in lower case behind a word', { content: 'coins', name: 'coins' }],
    ['a name that ends in digits', { name: 'Level 20' }],
  ])('is recorded with %s if its quantity was promised', async (_, currency) => {
    world.kiip.configure({ virtualValue: true });
    const user = newUser();
    const reward = await world.reward(user);
    expect((await world.send(redemption({ ...fieldsOf(reward), ...currency }))).status).toBe('recorded');
    const { name: __, ...fields } = { ...fieldsOf(await world.reward(user)), ...currency };
    expect((await world.send(issuance(fields))).status).toBe('recorded');
    expect(await world.balanceOf(user)).toBe(40);
  });

  it.each<[string, typeof redemption, Fields, Fields]>([
    ['the name', redemption, { name: 'Gold', quantity: 120 }, { name: 'Gold1', quantity: 20 }],
    ['the content', issuance, { content: 'season', quantity: 320 }, { content: 'season3', quantity: 20 }],
  ])('waits if its quantity may begin in %s, and no moment promised it', async (_, make, fields, other) => {
    const user = newUser();
    for (const each of [fields, other]) {
      const { name: __, ...common } = fieldsOf(await world.reward(user));
      expect((await world.send(make({ ...common, ...each }))).status).toBe('quarantined');
    }
    expect(await world.balanceOf(user)).toBe(0);
  });

  it('is recorded as a test for a test reward, also if it names the transaction without test_', async () => {
    await world.start({ KIIP_TEST_MODE: 'true' });
    const user = newUser();
    const reward = await world.reward(user);
    expect(reward.view_id).toMatch(/^test_/);
    const live = reward.view_id.replace('test_', '');
    const genuine = redemption(fieldsOf(reward));
    // Live money for the user whose id ends in `test_`.
    const forged = recut(genuine, { user_id: `${reward.user_id}test_`, transaction_id: live });
    expect((await world.send(forged)).status).toBe('quarantined');
    expect((await world.send(genuine)).status).toBe('recorded');
    const second = await world.reward(user);
    const { id, status } = await world.send(
      redemption({ ...fieldsOf(second), transaction_id: second.view_id.replace('test_', '') }),
    );
    expect(status).toBe('recorded');
    expect(await world.gateway.read(`/issuances/${id}`)).toMatchObject({ test: true });
    expect(await world.balanceOf(user)).toBe(0);
    await world.stop();
  });

  it('counts by which id of its reward it was found', async () => {
    const counted = async () => {
      const series = findSeries(
        await scrapeMetrics(world.gateway),
        'rewards_gateway_kiip_callback_matches_total',
      );
      return (id: string) => series[`{promised_id="${id}"}`] ?? 0;
    };
    const before = await counted();
    await world.send(redemption(fieldsOf(await world.reward(newUser()))));
    const reward = await world.reward(newUser());
    const [firstInPath] = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(new URL(reward.page_url).pathname)!;
    const { status } = await world.send(redemption({ ...fieldsOf(reward), transaction_id: firstInPath }));
    expect(status).toBe('recorded');
    const after = await counted();
    const ids = ['view_id', 'view_id_prefix', 'body_url', 'none'];
    expect(ids.map((id) => after(id) - before(id))).toEqual([1, 0, 1, 0]);
    const response = await world.gateway.get('/health/dependencies');
    expect(await response.text()).toContain('"promised_id":"body_url"');
  });
});

describe('the reconciliation', () => {
  beforeAll(async () => {
    world = await startPromiseWorld({ KIIP_TEST_MODE: 'true' });
    world.kiip.setCallbackUrl(`${world.gateway.url}/callbacks/kiip`);
  });
  afterAll(() => world.close());

  it.each(['view-id', 'without-prefix', 'page-id'] as const)(
    'finds the callback of a reward that names its %s',
    async (callbackTransaction) => {
      world.kiip.configure({ callbackTransaction, virtualValue: true });
      const users = [newUser(), newUser()];
      for (const user of users) await world.reward(user);
      await world.kiip.redeem();
      const { rewards_without_callback } = (await world.gateway.read(
        '/reconciliation?from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z',
      )) as unknown as { rewards_without_callback: { user_id: string }[] };
      const found = rewards_without_callback.map(({ user_id }) => user_id);
      expect(found.filter((user) => users.includes(user))).toEqual([users[0]]);
    },
  );
});

describe('a signed text that arrives with other fields', () => {
  beforeAll(async () => {
    world = await startPromiseWorld();
  });
  afterAll(() => world.close());

  it.each([
    ['after the genuine callback was recorded', []],
    ['before the genuine callback', ['forged first']],
  ])('is warned of and counted: %s', async (_, [forgedFirst]) => {
    const reused = async () =>
      (await scrapeMetrics(world.gateway))['rewards_gateway_kiip_callback_signatures_reused_total']!;
    const warnings = () => world.gateway.log.filter(({ msg }) => String(msg).includes('other fields')).length;
    const [before, warned] = [await reused(), warnings()];
    const genuine = redemption(fieldsOf(await world.reward(newUser())));
    const forged = recut(genuine, { quantity: 2, user_id: `0${String(genuine['user_id'])}` });
    const malformed = recut(genuine, { quantity: '', name: 'Coins20' });
    const [first, second] = forgedFirst ? [forged, genuine] : [genuine, forged];
    // Neither a repeat nor a split that no callback can have tells anything.
    for (const fields of [first, first, malformed]) await world.send(fields);
    expect([await reused(), warnings()]).toEqual([before, warned]);
    for (const fields of [second, second]) await world.send(fields);
    expect([await reused(), warnings()]).toEqual([before + 1, warned + 1]);
  });

  it('stays found and decidable, however many splits of it came first', async () => {
    await world.start({ KIIP_CURRENCIES: JSON.stringify({ gems: { name: 'Gems' } }) });
    const user = newUser();
    const genuine = redemption(fieldsOf(await world.reward(user)));
    const splits = Array.from({ length: 60 }, (_, at) => {
      const text = ['content', 'name', 'quantity', 'user_id', 'transaction_id']
        .map((name) => genuine[name])
        .join('');
      return {
        content: text.slice(0, 1),
        name: text.slice(1, 2),
        quantity: text.slice(2, 3),
        user_id: text.slice(3, 4 + at),
        transaction_id: text.slice(4 + at),
        signature: genuine['signature']!,
      };
    });
    const ids = new Set<string>();
    for (const fields of splits) ids.add((await world.send(fields)).id);
    expect(ids.size).toBe(60);
    // Its currency is not listed yet.
    const { status, id } = await world.send(genuine);
    expect([status, await world.reasonOf(id), ids.has(id)]).toEqual([
      'quarantined',
      'currency: content',
      false,
    ]);
    expect(await world.decide(id, 'release')).toBe(200);
    expect(await world.balanceOf(user)).toBe(20);
    await world.stop();
  });

  it.each([
    [
      'a split that no callback can have',
      (fields: Fields) => recut(fields, { quantity: '', name: 'Coins20' }),
    ],
    [
      'one for another user',
      (fields: Fields) => recut(fields, { quantity: 2, user_id: `0${String(fields['user_id'])}` }),
    ],
    [
      'one of another currency',
      (fields: Fields) => recut(fields, { content: `${String(fields['content'])}C`, name: 'oins' }),
    ],
  ])('is recorded as it was signed after %s was discarded', async (_, split) => {
    const user = newUser();
    const genuine = redemption(fieldsOf(await world.reward(user)));
    const junk = await world.send(split(genuine));
    expect([junk.status, await world.decide(junk.id, 'discard')]).toEqual(['quarantined', 200]);
    expect((await world.send(genuine)).status).toBe('recorded');
    expect(await world.balanceOf(user)).toBe(20);
  });
});

describe('a callback that comes before the response to its moment is stored', () => {
  beforeEach(async () => {
    world = await startPromiseWorld();
  });
  afterEach(() => world.close());

  it('is recorded by itself, exactly once, whichever replica has it', async () => {
    await world.start();
    const replica = world.gateway;
    world.kiip.addFault({ kind: 'slow', route: 'moment', delayMs: 300 });
    const moment = replica.post('/api/v1/kiip/moments', momentOf('early'));
    await waitFor('Kiip has the reward', () => world.kiip.rewards().length === 1);
    const genuine = redemption(fieldsOf(world.kiip.rewards()[0]!));
    const { status, id } = await world.send(genuine);
    expect([status, await world.reasonOf(id)]).toEqual(['quarantined', 'unknown-reward']);
    expect((await moment).status).toBe(200);
    await waitFor('it is recorded', async () => (await world.balanceOf('early')) === 20);
    expect(await world.send(genuine)).toEqual({ status: 'duplicate', id });
    expect(await world.database.query('select ledger_id from delivery_outbox')).toEqual([{ ledger_id: id }]);
  });

  it('is recorded by itself for each of many users, once, when Kiip redeems rewards at once', async () => {
    const moments = world.gateway;
    const callbacks = await world.start();
    world.kiip.configure({ redeemAtOnce: true });
    world.kiip.setCallbackUrl(`${callbacks.url}/callbacks/kiip/`);
    const names = Array.from({ length: 30 }, (_, index) => `hasty-${index}`);
    await Promise.all(names.map((name) => moments.post('/api/v1/kiip/moments', momentOf(name))));
    const balances = () => Promise.all(names.map((name) => world.balanceOf(name)));
    await waitFor('all are recorded', async () => (await balances()).every((balance) => balance === 20));
    await world.kiip.settled();
    expect(await world.database.query('select count(*)::int as jobs from delivery_outbox')).toEqual([
      { jobs: 30 },
    ]);
  });

  it('is recorded after a restart if the process that stored the response has ended at once', async () => {
    const { user_id } = await world.reward('crashed');
    const fields = { user_id: user_id!, transaction_id: transaction() };
    const { id } = await world.send(redemption(fields));
    await world.stop();
    await world.database.query(
      `insert into kiip_promised_rewards (transaction_id, kiip_user_id, user_id, id_kind, is_test)
       values ('${fields.transaction_id}', '${user_id}', 'crashed', 'view_id', false)`,
    );
    await world.start();
    await waitFor('it is recorded', async () => (await world.balanceOf('crashed')) === 20);
    expect(await world.gateway.read(`/issuances/${id}`)).toMatchObject({ status: 'recorded', reason: null });
  });

  it('is left to the processes that receive callbacks: a worker does not have their rules', async () => {
    const currencies = {
      KIIP_CURRENCIES: JSON.stringify({ [content]: { name: 'Coins', max_quantity: 10 } }),
    };
    const { user_id } = await world.reward('capped');
    const fields = { user_id: user_id!, transaction_id: transaction() };
    const { id } = await world.send(redemption(fields));
    await world.stop();
    await world.database.query(
      `insert into kiip_promised_rewards (transaction_id, kiip_user_id, user_id, id_kind, is_test)
       values ('${fields.transaction_id}', '${user_id}', 'capped', 'view_id', false)`,
    );
    await world.start({ ROLE: 'worker', DELIVERY_CONSUMERS: consumersConfig('http://127.0.0.1:9/') });
    await world.start(currencies);
    const decided = `select status, reason_code from ledger where id = '${id}' and (status <> 'quarantined' or not awaits_promise)`;
    await waitFor('it is decided', async () => (await world.database.query(decided)).length === 1);
    expect(await world.database.query(decided)).toEqual([{ status: 'quarantined', reason_code: 'cap' }]);
  });

  it('is not looked at again and again once its user has been erased', async () => {
    const { user_id } = await world.reward('erased');
    const fields = { user_id: user_id!, transaction_id: transaction() };
    await world.send(redemption(fields));
    await eraseUser(world.gateway.app.get(Database, { strict: false }), 'erased');
    expect(await world.database.query('select status, awaits_promise from ledger')).toEqual([
      { status: 'quarantined', awaits_promise: false },
    ]);
  });

  it('gets the reason of the promise if that was for another user', async () => {
    const { user_id } = await world.reward('honest');
    world.kiip.addFault({ kind: 'slow', route: 'moment', delayMs: 200 });
    const moment = world.gateway.post('/api/v1/kiip/moments', momentOf('other'));
    await waitFor('Kiip has the reward', () => world.kiip.rewards().length === 2);
    const { view_id } = world.kiip.rewards()[1]!;
    const { id } = await world.send(redemption({ user_id: user_id!, transaction_id: view_id }));
    await moment;
    const reason = 'promised-to-another-user: user_id';
    await waitFor('its reason is replaced', async () => (await world.reasonOf(id)) === reason);
    expect(await world.balanceOf('honest')).toBe(0);
  });

  it('is recorded later if the response cannot be stored now, and the caller has its reward', async () => {
    await world.stop();
    await world.start({ DATABASE_TIMEOUT_MS: '1000' });
    await world.reward('patient');
    const client = await world.database.client();
    // Allows reading, and no writing.
    await client.query('begin; lock table kiip_promised_rewards in share mode');
    const { user_id, view_id } = await world.reward('patient');
    const { status } = await world.send(redemption({ user_id: user_id!, transaction_id: view_id }));
    expect(status).toBe('quarantined');
    await client.query('rollback');
    await client.end();
    await waitFor('it is recorded', async () => (await world.balanceOf('patient')) === 20);
    const outcomes = findSeries(
      await scrapeMetrics(world.gateway),
      'rewards_gateway_kiip_promised_rewards_total',
    );
    expect(outcomes).toEqual({ '{outcome="stored"}': 2, '{outcome="delayed"}': 1, '{outcome="dropped"}': 0 });
  });
});

describe('user ids that go to Kiip as they are', () => {
  beforeAll(async () => {
    world = await startPromiseWorld({ KIIP_USER_REFERENCE: 'plain' });
  });
  afterAll(() => world.close());

  it('do not keep rewards from each other, although one begins where another quantity may end', async () => {
    await world.reward('0alice');
    const alice = await world.reward('alice');
    expect((await world.send(redemption(fieldsOf(alice)))).status).toBe('recorded');
  });

  it('may be numbers', async () => {
    const ids = Array.from({ length: 60 }, (_, index) => String(index + 1));
    await Promise.all(ids.map((id) => world.gateway.post('/api/v1/kiip/moments', momentOf(id))));
    const rewards = world.kiip.rewards().filter(({ user_id }) => ids.includes(user_id!));
    const answers = await Promise.all(rewards.map((reward) => world.send(redemption(fieldsOf(reward)))));
    expect(answers.map(({ status }) => status)).toEqual(ids.map(() => 'recorded'));
  });

  it('get no quantity with a digit of another user id', async () => {
    const { user_id } = await world.reward('001');
    const genuine = await world.reward('5001');
    const { name: _, ...fields } = fieldsOf(genuine);
    const signed = issuance(fields);
    expect((await world.send(recut(signed, { quantity: 205, user_id: user_id! }))).status).toBe(
      'quarantined',
    );
    expect((await world.send(signed)).status).toBe('recorded');
  });
});
