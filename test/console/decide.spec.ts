import type { Locator } from 'playwright-core';
import type { QuarantineCode } from '../../src/database/tables.js';
import { SCOPES } from '../../src/config/parsers.js';
import { QUARANTINE_REASONS } from '../../console/src/quarantine-reasons.js';
import { startCallbackReceiver } from '../support/callback-receiver.js';
import type { CallbackReceiver } from '../support/callback-receiver.js';
import { describeWithChromium } from '../support/chromium.js';
import { startConsole } from '../support/console.js';
import type { ConsoleWorld } from '../support/console.js';
import { consumer } from '../support/consumer.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { DeliveryView } from '../support/deliveries.js';
import { apiKey } from '../support/gateway.js';
import { manyReadings, redemption } from '../support/kiip.js';
import type { Fields } from '../support/kiip.js';
import { scale } from '../support/scale.js';
import { waitFor } from '../support/wait-for.js';

/** Nothing that a page may run, and a character that turns the direction of what follows. */
const MARKUP = '<img src=x onerror=alert(1)>\u202e';
/** Entries and deliveries of two days ago, quarantined and delivered. */
const HISTORY = scale(120, 100_000);
const CREDENTIALS = { reader: 'test-reader-0001', manager: 'test-manager-0001' };

const fill = `
  insert into ledger (id, kind, status, reason_code, is_test, transaction_id, content, name, quantity, quantity_text, user_id, received_at,
    signature, signed_text, signed_text_hash, fields_hash, transaction_hash, signature_scheme, secret_index, feed_position)
  select 'iss_' || lpad(to_hex(floor(extract(epoch from now() - interval '2 days') * 1000)::bigint), 12, '0') || lpad(to_hex(n), 20, '0'), 'redemption',
    case when n % 2 = 0 then 'recorded' else 'quarantined' end, case when n % 2 = 1 then 'unknown-reward' end, false, 't' || n, 'currency', 'Coins',
    1, '1', 'old-' || n, now() - interval '2 days', 's' || n, '', 'x' || n, 'f' || n, 'h' || n, 'redemption', 1, 1000000 + n
  from generate_series(1, ${2 * HISTORY}) n;
  select setval('ledger_feed_position', ${1_000_000 + 2 * HISTORY});
  insert into deliveries (ledger_id, consumer, status, accepted_at, next_attempt_at)
  select id, 'wallet', 'delivered', received_at, null from ledger where status = 'recorded' and feed_position > 1000000;
  analyze`;

describeWithChromium('Quarantine, deliveries and replays in the console', () => {
  let world: ConsoleWorld;
  let page: ConsoleWorld['page'];
  let view: DeliveryView;
  let wallet: CallbackReceiver;
  let database: TestDatabase;

  beforeAll(async () => {
    [wallet, database] = await Promise.all([startCallbackReceiver(), newDatabase()]);
    world = await startConsole({
      env: {
        ...database.env,
        API_KEYS: `tester:${apiKey},reader:${CREDENTIALS.reader},manager:${CREDENTIALS.manager}`,
        CALLER_SCOPES: JSON.stringify({
          tester: SCOPES,
          reader: ['ledger:read'],
          manager: ['deliveries:manage'],
        }),
        DELIVERY_CONSUMERS: JSON.stringify([consumer(wallet.url), consumer(wallet.url, { name: 'shop' })]),
      },
    });
    page = world.page;
    view = new DeliveryView(world.gateway);
    await world.signIn();
  });
  afterAll(async () => {
    await world.close();
    await wallet.close();
    await database.drop();
  });

  const quarantine = async (fields: Fields): Promise<string> => {
    const { body } = await world.gateway.callback(redemption(fields));
    expect(body['status']).toBe('quarantined');
    return String(body['id']);
  };
  const statusOf = async (id: string) => (await world.gateway.read(`/issuances/${id}`))['status'];
  const rowOf = (text: string): Locator => page.getByRole('row').filter({ hasText: text });
  const button = (name: string | RegExp, within: Locator | typeof page = page) =>
    within.getByRole('button', { name });
  /** Answers the question that is open. */
  const confirm = async (action: string, reason?: string) => {
    const dialog = page.getByRole('dialog');
    if (reason !== undefined) await dialog.getByLabel(/^Reason/).fill(reason);
    await button(action, dialog).click();
    await dialog.waitFor({ state: 'detached' });
  };

  it('explains every reason', () => {
    const reasons: Record<QuarantineCode, { meaning: string }> = QUARANTINE_REASONS;
    expect(Object.values(reasons).filter(({ meaning }) => meaning === '')).toEqual([]);
  });

  it('releases an entry, after a look at what else its text could mean, and says who did it', async () => {
    await world.gateway.know('2ann');
    const id = await quarantine({ user_id: '12ann' });
    await world.goto('/quarantine');
    const row = rowOf('12ann');
    await row.getByText('Could be for another user').waitFor();
    await button(/^Review/, row).click();
    const reading = page.getByRole('region', { name: 'Other reading 1' });
    expect(await reading.textContent()).toContain('This user is known to Kiip');
    expect(await reading.locator('mark').allTextContents()).toEqual(['2ann', '201']);
    await world.expectGood('quarantine');
    await button(/^Release 20 .Coins. for .12ann.$/).click();
    await world.expectGood('quarantine-question');
    await confirm('Release', 'Confirmed by Kiip, ticket 4711');
    await row.getByText('released').waitFor();
    expect(await statusOf(id)).toBe('released');
    const log = page.getByRole('region', { name: /^Audit log/ });
    await log.getByText('Confirmed by Kiip, ticket 4711').waitFor();
    expect(await log.getByRole('row').nth(1).textContent()).toMatch(/testerrelease.*Confirmed by Kiip/);
  });

  it('does not say that an entry has no other reading when there are too many to list', async () => {
    await quarantine({ user_id: 'crafted', content: manyReadings });
    await world.goto('/');
    await world.goto('/quarantine');
    await button(/^Review/, rowOf('crafted')).click();
    await page.getByText('do not release the entry without asking Kiip').waitFor();
    expect(await page.getByText('no other reading').count()).toBe(0);
  });

  it('decides several at once, each with its own result', async () => {
    const ids: string[] = [];
    for (const user of ['one', 'two', 'three', 'four'])
      ids.push(
        await quarantine({
          user_id: `${MARKUP} ${user}`,
          quantity: user === 'four' ? '0020' : 20,
          content: MARKUP,
        }),
      );
    await world.goto('/');
    await world.goto('/quarantine');
    const select = async (...users: string[]) => {
      for (const user of users) await page.getByRole('checkbox', { name: new RegExp(` ${user}.$`) }).check();
    };
    // Somebody else is quicker.
    expect((await world.gateway.post(`/api/v1/kiip/issuances/${ids[1]}/discard`, {})).status).toBe(200);
    await select('one', 'two', 'three');
    await button('Discard 3 entries').click();
    await confirm('Discard');
    await rowOf('two').getByText('Already discarded by tester: a decision is final.').waitFor();
    await page.getByText('2 discarded, 1 failed').waitFor();
    expect(await Promise.all(ids.map(statusOf))).toEqual([
      'discarded',
      'discarded',
      'discarded',
      'quarantined',
    ]);
    await select('four');
    await button(/^Release no quantity .* four.$/).click();
    await confirm('Release');
    await rowOf('four').getByText('The quantity is not a number: the entry can only be discarded.').waitFor();
    await world.expectGood('quarantine-results');
    expect(await page.locator('main img').count()).toBe(0);
  });

  it('keeps what cannot be done in its row while the API fails, and does it once it no longer does', async () => {
    const id = await quarantine({ user_id: 'later', content: MARKUP });
    const works = await world.fail('/issuances');
    await world.goto('/');
    await world.goto('/quarantine');
    await page.getByRole('alert').getByText('The database does not respond.').waitFor();
    await world.expectGood('quarantine-fails');
    await works();
    await button('Try again').click();
    const decidable = await world.fail('/discard');
    const decide = async () => {
      await page.getByRole('checkbox', { name: /for .later.$/ }).check();
      await button(/^Discard .* for .later.$/).click();
      await confirm('Discard');
    };
    await decide();
    await rowOf('later').getByText('The database does not respond.').waitFor();
    expect(await statusOf(id)).toBe('quarantined');
    await decidable();
    await decide();
    await rowOf('later').getByText('discarded').waitFor();
    expect(await statusOf(id)).toBe('discarded');
  });

  it('pauses a consumer with a reason, says so wherever something waits, and resumes it', async () => {
    await world.goto('/deliveries');
    const row = rowOf('wallet').first();
    await button('Pause wallet').click();
    await confirm('Pause', 'It counts twice, ticket 4712');
    await row.getByText('Paused by tester: It counts twice, ticket 4712').waitFor();
    const entry = await view.record(redemption({ user_id: 'waits' }));
    const isFound = (items: { issuance_id: string }[]) =>
      items.some(({ issuance_id }) => issuance_id === entry);
    await view.waitFor('it has a delivery', isFound, '?consumer=wallet&status=pending');
    await page.getByRole('combobox', { name: 'Status' }).selectOption('pending');
    await page.getByRole('combobox', { name: 'Consumer' }).selectOption('wallet');
    const delivery = page
      .getByRole('table', { name: 'Deliveries' })
      .getByRole('row')
      .filter({ hasText: entry });
    await world.expectGood('deliveries');
    expect(await page.locator('main img').count()).toBe(0);
    await delivery.getByRole('link', { name: /^dlv_/ }).click();
    await page.getByText('wallet is paused, so this waits.').waitFor();
    await world.expectGood('delivery');
    await page.getByRole('link', { name: 'Resume it' }).click();
    await button('Send a test to wallet').click();
    await confirm('Send a test');
    await page.getByText(/wallet accepted the test event/).waitFor();
    await button('Resume wallet').click();
    await confirm('Resume');
    await row.getByText('active').waitFor();
    await view.waitFor('it is delivered', isFound, '?consumer=wallet&status=delivered&order=desc');
  });

  it('retries a delivery, and shows its attempts', async () => {
    const [delivery] = await view.list('?consumer=wallet&status=delivered&order=desc&limit=1');
    const { id } = delivery!;
    const before = wallet.received.length;
    await world.goto(`/deliveries/${id}`);
    const attempts = page.getByRole('table', { name: 'Attempts' }).getByRole('row');
    await waitFor('there is one attempt', async () => (await attempts.count()) === 2);
    wallet.answer(503);
    await button(`Retry ${id}`).click();
    await confirm('Retry', 'They lost it');
    expect(await page.evaluate<string>('document.activeElement.textContent')).toBe('Retry');
    await waitFor('it has arrived again', () => wallet.received.length > before);
    await waitFor('there are two attempts', async () => (await attempts.count()) === 3);
    expect(await attempts.nth(2).textContent()).toContain('503');
  });

  it('replays: counts first, then shows the true progress, also while the consumer is paused, to the end', async () => {
    const recorded = 8;
    for (let sent = 0; sent < recorded; sent += 1) await view.record();
    await world.goto('/replays');
    await page.getByRole('link', { name: 'New replay' }).click();
    await page.getByLabel('Entries per second').fill('2');
    await button('Count the entries').click();
    const counted = page.getByText(/^\d+ entries from/);
    await counted.waitFor();
    const entries = Number.parseInt((await counted.textContent())!, 10);
    await world.expectGood('replay-new');
    await world.gateway.post('/api/v1/deliveries/consumers/wallet/pause', { reason: 'A new database' });
    await button('Start the replay').click();
    await confirm('Start the replay', 'It has lost a day');
    await page.getByText('wallet is paused, so this waits.').waitFor();
    const progress = page.getByRole('progressbar');
    const shown = async () => Number(await progress.getAttribute('value'));
    expect([await shown(), await progress.getAttribute('max')]).toEqual([0, String(entries)]);
    await world.expectGood('replay-waits');
    const before = wallet.received.length;
    await world.gateway.post('/api/v1/deliveries/consumers/wallet/resume', {});
    const path = `/api/v1/deliveries/replays/${page.url().split('/').at(-1)}`;
    const replay = async () =>
      (await (await world.gateway.get(path)).json()) as { done: number; status: string };
    await waitFor('a part of it is due', async () => (await shown()) > 0);
    await button('Pause').click();
    await confirm('Pause');
    await page.getByText('paused', { exact: true }).waitFor();
    const { done } = await replay();
    expect(done).toBeLessThan(entries);
    await waitFor('the progress is that of the gateway', async () => (await shown()) === done);
    await button('Resume').click();
    await confirm('Resume');
    await page.getByText('finished', { exact: true }).waitFor();
    expect(await shown()).toBe(entries);
    expect(await replay()).toMatchObject({ done: entries, status: 'finished' });
    await waitFor('all have arrived again', () => wallet.received.length >= before + entries);
    await world.goto('/replays');
    await page.getByText(`${entries} of ${entries}`).waitFor();
    await world.expectGood('replays');
  });

  it('keeps a question open while its action runs, and says that it may have happened', async () => {
    await world.goto('/replays/new');
    await button('Count the entries').click();
    await button('Start the replay').click();
    await page.route('**/deliveries/replays', () => undefined);
    // A deadline of a minute is over when the test says so.
    await page.evaluate(`{
      const { timeout } = AbortSignal;
      const minute = new AbortController();
      AbortSignal.timeout = (ms) => (ms === 60_000 ? minute.signal : timeout.call(AbortSignal, ms));
      window.endMinute = () => minute.abort(new DOMException('late', 'TimeoutError'));
    }`);
    const dialog = page.getByRole('dialog');
    const asked = page.waitForRequest('**/deliveries/replays');
    await button('Start the replay', dialog).click();
    await asked;
    // Chromium does not let a page prevent the second one.
    for (let presses = 0; presses < 3; presses += 1) await page.keyboard.press('Escape');
    expect(await dialog.getAttribute('aria-busy')).toBe('true');
    expect(await button('Cancel', dialog).isDisabled()).toBe(true);
    await page.evaluate('endMinute()');
    await dialog.getByRole('alert').getByText('It may have happened all the same').waitFor();
    expect(await page.evaluate<string>('document.activeElement.textContent')).toBe('Start the replay');
    await world.expectGood('action-without-response');
    await page.unrouteAll();
    await button('Cancel', dialog).click();
    await page.reload();
  });

  it('shows a credential only what it may do', async () => {
    const sections = async () => page.getByRole('navigation').getByRole('link').allTextContents();
    await button('Sign out').click();
    await world.signIn(CREDENTIALS.reader);
    expect(await sections()).toEqual(['Overview', 'Entries', 'Quarantine']);
    await world.goto('/quarantine');
    await rowOf('Review').first().waitFor();
    await button(/^Review/)
      .first()
      .click();
    await page.getByText('What to check:').waitFor();
    expect(await page.getByRole('checkbox').count()).toBe(0);
    expect(await button(/^(Release|Discard)/).count()).toBe(0);
    expect(await page.getByRole('region', { name: /^Audit log/ }).count()).toBe(0);
    await button('Sign out').click();
    await world.signIn(CREDENTIALS.manager);
    expect(await sections()).toEqual(['Overview', 'Deliveries', 'Replays']);
    await world.goto('/deliveries');
    const deliveries = page.getByRole('table', { name: 'Deliveries' });
    await deliveries.getByText(/^iss_/).first().waitFor();
    expect(await deliveries.getByRole('link', { name: /^iss_/ }).count()).toBe(0);
  });

  describe('with a long history', () => {
    beforeAll(async () => {
      await database.query(fill);
      await world.signIn();
    });

    it.each([
      ['quarantine', 'Quarantined entries'],
      ['deliveries?status=delivered', 'Deliveries'],
    ])('shows a long list page by page: %s', async (route, caption) => {
      await world.goto(`/${route}`);
      const rows = page.getByRole('table', { name: caption }).getByRole('row');
      await waitFor('a page is shown', async () => (await rows.count()) === 51);
      await button('Show more').click();
      await waitFor('two pages are shown', async () => (await rows.count()) === 101);
      const first = await rows.allTextContents();
      expect(new Set(first).size).toBe(101);
    });
  });
});
