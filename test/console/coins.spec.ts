import type { Page } from 'playwright-core';
import type { KiipReward } from '@rewards-gateway/sandbox';
import { startCallbackReceiver } from '../support/callback-receiver.js';
import type { CallbackReceiver } from '../support/callback-receiver.js';
import { describeWithChromium } from '../support/chromium.js';
import { startConsole } from '../support/console.js';
import type { ConsoleWorld } from '../support/console.js';
import { consumersConfig } from '../support/consumer.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { apiKey } from '../support/gateway.js';
import { DEFAULTS, redemption } from '../support/kiip.js';
import { momentOf } from '../support/kiip-world.js';
import { scale } from '../support/scale.js';
import { waitFor } from '../support/wait-for.js';

/** Two pages and a rest, or many. */
const ROWS = scale(60, 100_000);
const MARKUP = '<img src="x" onerror="document.title=1"><b>bold</b>';

let world: ConsoleWorld;
let database: TestDatabase;
let wallet: CallbackReceiver;
let page: Page;

/** A panel, or the whole page. */
const panel = (title: string) => page.getByRole('region', { name: title, exact: true });
const heading = (name: string) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor();

async function search(text: string): Promise<void> {
  const field = page.getByRole('banner').getByRole('searchbox');
  await field.fill(text);
  await field.press('Enter');
}

async function chooseProgram(program: string): Promise<void> {
  await panel('Kigo').getByLabel('External program id').fill(program);
  await panel('Kigo').getByRole('button', { name: 'Show' }).click();
}

/** Signs in with another credential. */
async function signInAs(credential: string): Promise<void> {
  await page.getByRole('button', { name: 'Sign out' }).click();
  await world.signIn(credential);
}

/** A reward that a user has redeemed. @returns its transaction */
async function redeem(user: string): Promise<string> {
  const { view_id } = await moment(user);
  await world.kiip.redeem();
  return view_id;
}

/** @returns the reward that the user may redeem */
async function moment(user: string): Promise<KiipReward> {
  expect((await world.gateway.post('/api/v1/kiip/moments', momentOf(user))).status).toBe(200);
  return world.kiip.rewards().at(-1)!;
}

/** What the timeline says, step by step. */
const steps = () => panel('Timeline').locator('.step-title').allInnerTexts();

/** Entries as the database may have them, newest last. */
const entries = (user: string, from: number, to: number, name = 'Coins') =>
  database.query(`
    insert into ledger (id, kind, status, is_test, transaction_id, content, name, quantity, quantity_text, user_id, received_at,
      signature, signed_text, signed_text_hash, fields_hash, transaction_hash, signature_scheme, secret_index, feed_position)
    select 'iss_' || md5('${user}' || n), 'redemption', 'recorded', false, '${user}-' || n, 'c-1', '${name}', n, n::text, '${user}', now(),
      '${user}' || n, '', '${user}' || n, '${user}' || n, '${user}' || n, 'redemption', 1, nextval('ledger_feed_position')
    from generate_series(${from}, ${to}) n`);

describeWithChromium('the coins of a user', () => {
  beforeAll(async () => {
    [database, wallet] = [await newDatabase(), await startCallbackReceiver()];
    world = await startConsole({
      env: {
        ...DEFAULTS,
        ...database.env,
        DELIVERY_CONSUMERS: consumersConfig(wallet.url),
        API_KEYS: `tester:${apiKey},kigo:kigo-key-0001,ledger:ledger-key-0001`,
        CALLER_SCOPES: JSON.stringify({
          tester: ['kigo:read', 'kiip:write', 'ledger:read', 'ledger:decide', 'deliveries:manage'],
          kigo: ['kigo:read'],
          ledger: ['ledger:read'],
        }),
      },
    });
    ({ page } = world);
    // As Kiip answers production clients: then the gateway knows what was promised.
    world.kiip.configure({ virtualValue: true });
    world.kiip.setCallbackUrl(`${world.gateway.url}/callbacks/kiip`);
    world.kigo.setAccount({
      external_user_id: 'anna',
      external_program_id: 'program456',
      unviewed_products: 3,
      total_tokens: 34,
    });
    await world.signIn();
  });
  afterAll(async () => {
    await world?.close();
    await wallet?.close();
    await database?.drop();
  });

  it('are found by the id of the user, and followed to the wallet, which fails at first', async () => {
    // Only the retry that somebody asks for comes soon.
    wallet.answer({ status: 425, headers: { 'retry-after': '3600' } });
    await redeem('anna');
    await waitFor('the wallet was asked', () => wallet.received.length > 0);
    const reward = await moment('anna');

    await search('anna');
    await heading('User anna');
    await chooseProgram('program456');
    await panel('Kigo').getByText('From Kigo, just now').waitFor();
    expect(await panel('Kigo').innerText()).toMatch(/Badge\s+3\s[^]*Tokens\s+34\s/);
    expect(await panel('Balances').innerText()).toMatch(/Coins\s+20\s/);
    await panel('Rewards without a callback').getByText(reward.view_id).waitFor();
    await panel('Entries').getByText('pending').waitFor();
    await world.expectGood('user');

    await panel('Entries').getByRole('row').nth(1).getByRole('link').first().click();
    await heading('20 Coins for anna');
    await panel('Timeline').getByText('425').first().waitFor();
    expect((await steps()).slice(0, 6)).toEqual([
      'Moment rewarded by Kiip',
      'Reward stored',
      'Callback from Kiip',
      'Signature verified',
      'Committed to the ledger',
      'Attempt 1 to wallet 425',
    ]);
    expect((await steps()).at(-1)).toBe('Next attempt to wallet');
    expect(await panel('Verification').innerText()).toMatch(/secret-1[^]*20 for anna/);

    await panel('Deliveries').getByRole('button', { name: /Retry/ }).click();
    await page.getByLabel(/Reason/).fill('The wallet is repaired');
    await page.getByRole('dialog').getByRole('button', { name: 'Retry' }).click();
    await panel('Timeline').getByText('Delivered to wallet').waitFor();
    expect((await steps()).slice(-3)).toEqual([
      'Retry to wallet requested',
      'Attempt 2 to wallet 200',
      'Delivered to wallet',
    ]);
    expect(await panel('Timeline').innerText()).toContain('By tester: The wallet is repaired');
    await world.expectGood('entry');
  });

  it('are the same by the id of the transaction, the entry and the delivery', async () => {
    const transaction = await redeem('berta');
    await world.goto('/');
    await search(transaction);
    await heading('20 Coins for berta');
    const [, id] = /entries\/(.+)$/.exec(page.url())!;
    await panel('Deliveries').getByText('dlv_').waitFor();
    const delivery = await panel('Deliveries').getByText(/^dlv_/).innerText();

    await search(id!);
    await heading('20 Coins for berta');
    await search(delivery);
    await page.waitForURL(`**/#/deliveries/${delivery}`);
    // The search is not among the pages to go back to.
    await page.goBack();
    await heading('20 Coins for berta');

    await search('nobody');
    await page.getByText('Nothing found').waitFor();
    expect(await panel('Nothing found').innerText()).toMatch(/nobody[^]*transaction[^]*user/);
    await world.expectGood('search');
  });

  it('are paged, newest first, however many there are', async () => {
    await entries('whale', 1, ROWS);
    await world.goto('/users/whale');
    const rows = panel('Entries').locator('tbody tr');
    const first = (place: number) => rows.nth(place).locator('td').nth(1).innerText();
    const more = panel('Entries').getByRole('button', { name: 'Show more' });
    await rows.first().waitFor();
    expect([await rows.count(), await first(0)]).toEqual([25, `${ROWS.toLocaleString('en')} Coins`]);
    await more.click();
    await waitFor('there is a second page', async () => (await rows.count()) === 50);
    expect(await first(49)).toBe(`${(ROWS - 49).toLocaleString('en')} Coins`);
    expect(await panel('Balances').innerText()).toContain(((ROWS * (ROWS + 1)) / 2).toLocaleString('en'));
    await more.click();
    const shown = Math.min(75, ROWS);
    await waitFor('there is a third page', async () => (await rows.count()) === shown);
    expect(await more.count()).toBe(shown === ROWS ? 0 : 1);
    // Who has paged keeps the place.
    await entries('whale', ROWS + 1, ROWS + 1);
    await panel('Entries').getByRole('button', { name: 'Show newer entries' }).click();
    await panel('Entries')
      .getByText(`${(ROWS + 1).toLocaleString('en')} Coins`)
      .waitFor();
  });

  it('have names and ids that are shown as they are, and never run', async () => {
    await entries(MARKUP, 1, 1, MARKUP);
    await search(MARKUP);
    await heading(`User ${MARKUP}`);
    await panel('Entries').getByText(`1 ${MARKUP}`).waitFor();
    await panel('Entries').getByRole('row').nth(1).getByRole('link').first().click();
    await heading(`1 ${MARKUP} for ${MARKUP}`);
    await page.getByText('JSON').click();
    await world.expectGood('markup-entry');
    expect(await page.locator('#app :is(img, b)').count()).toBe(0);
    await search(`${MARKUP}2`);
    await page.getByText('Nothing found').waitFor();
    expect(await page.locator('#app :is(img, b)').count()).toBe(0);
  });

  it('wait in quarantine until somebody decides', async () => {
    const { user_id, view_id } = await moment('carla');
    const { body } = await world.gateway.callback(
      redemption({ user_id: user_id!, transaction_id: view_id, quantity: 500 }),
    );
    await world.goto(`/entries/${String(body['id'])}`);
    expect(await panel('Waits for a decision').innerText()).toContain('Promised with another quantity');
    await world.expectGood('entry-quarantined');
    await panel('Waits for a decision').getByRole('button', { name: 'Discard' }).click();
    await page.getByLabel(/Reason/).fill('Not ours');
    await page.getByRole('dialog').getByRole('button', { name: 'Discard' }).click();
    await panel('Timeline').getByText('By tester: Not ours').waitFor();
    expect((await steps()).at(-1)).toBe('Discarded');
    expect(await panel('Waits for a decision').count()).toBe(0);
  });

  it('are shown as far as they are known while a part of the API fails', async () => {
    const repair = [await world.fail('/balances'), await world.fail('/api/v1/accounts', 502)];
    await world.goto('/users/anna');
    await panel('Balances').getByRole('alert').waitFor();
    expect(await panel('Kigo').getByRole('alert').count()).toBe(1);
    expect(await panel('Kigo').innerText()).toMatch(/Badge\s+3\s/);
    expect(await panel('Entries').getByRole('row').count()).toBe(2);
    await world.expectGood('user-failing');
    for (const end of repair) await end();
    await panel('Balances').getByRole('button', { name: 'Try again' }).click();
    await panel('Balances').getByText('Coins').waitFor();
  });

  it('are shown as far as the scopes of the credential reach', async () => {
    await signInAs('kigo-key-0001');
    await search('anna');
    await heading('User anna');
    await chooseProgram('program456');
    await panel('Kigo').getByText('From the cache').waitFor();
    expect(await page.getByRole('region').count()).toBe(1);

    await signInAs('ledger-key-0001');
    await search('anna');
    await heading('User anna');
    await panel('Entries').getByRole('row').nth(1).getByRole('link').first().click();
    await heading('20 Coins for anna');
    await panel('Timeline').getByText('Delivered to wallet').waitFor();
    expect(await panel('Kigo').count()).toBe(0);
    expect(await page.getByRole('button', { name: /Retry|Release|Discard/ }).count()).toBe(0);
    expect(await page.locator('a[href*="deliveries"]').count()).toBe(0);
  });
});
