import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { describeWithChromium } from '../support/chromium.js';
import { startConsole } from '../support/console.js';
import type { ConsoleWorld } from '../support/console.js';
import { MetricsHistoryService } from '../../src/metrics/metrics-history.service.js';
import { startCallbackReceiver } from '../support/callback-receiver.js';
import type { CallbackReceiver } from '../support/callback-receiver.js';
import { consumer } from '../support/consumer.js';
import { freePort } from '../support/free-port.js';
import { apiKey, badge, everyScope, startGateway } from '../support/gateway.js';
import { redemption } from '../support/kiip.js';
import type { Fields } from '../support/kiip.js';
import { waitFor } from '../support/wait-for.js';

/** What is typed or received is shown, and never run; the direction of its text ends with it. */
const HOSTILE = `<img src=x onerror="throw 1">\u202e'&amp;`;
/** The sum of all layout shifts since the page was loaded. */
const LAYOUT_SHIFTS = `new Promise((resolve) => {
  new PerformanceObserver((list) => resolve(list.getEntries().reduce((sum, { value }) => sum + value, 0)))
    .observe({ type: 'layout-shift', buffered: true });
  setTimeout(() => resolve(0), 100);
})`;
/** May only ask for counts. */
const viewerKey = 'viewer-api-key-0001';

const heading = (page: Page) => page.getByRole('heading', { level: 1 }).textContent();
const panel = (page: Page, name: string) => page.getByRole('region', { name });

describeWithChromium('the console', () => {
  let world: ConsoleWorld;
  let page: Page;
  let wallet: CallbackReceiver;
  /** The paths of the API that the page called. */
  let called: string[] = [];

  beforeAll(async () => {
    wallet = await startCallbackReceiver();
    const down = `http://127.0.0.1:${await freePort()}`;
    world = await startConsole({
      env: {
        API_KEYS: `tester:${apiKey},viewer:${viewerKey}`,
        CALLER_SCOPES: JSON.stringify({ ...JSON.parse(everyScope('tester')), viewer: ['kigo:read'] }),
        DELIVERY_CONSUMERS: JSON.stringify([consumer(wallet.url), consumer(down, { name: 'down' })]),
        KIIP_UNKNOWN_USERS: 'quarantine',
        SHUTDOWN_GRACE_SECONDS: '2',
      },
    });
    page = world.page;
    page.on('request', (request) => {
      const { pathname } = new URL(request.url());
      if (pathname.includes('/api/')) called.push(pathname.replace('/console/api/v1', ''));
    });
    await world.gateway.know('user-123', HOSTILE);
    const hostile: Fields = { user_id: HOSTILE, name: HOSTILE };
    for (const fields of [{}, {}, hostile, { user_id: 'stranger' }] as Fields[])
      await world.gateway.callback(redemption(fields));
    await waitFor('the wallet has its events', () => wallet.received.length === 3);
  });
  beforeEach(() => void (called = []));
  afterAll(async () => {
    await world?.close();
    await wallet?.close();
  });

  describe('for a stranger', () => {
    it('has a form and nothing else, and calls nothing', async () => {
      await page.goto(`${world.url}#/quarantine`);
      await world.expectGood('sign-in');
      expect(await page.locator('body').innerText()).toMatch(
        /^Rewards Gateway\s+API key or token\s+A credential [^\n]*\s+Sign in$/,
      );
      expect(called).toEqual([]);
    });

    it.each([
      ['a wrong key', 'The gateway does not accept this credential. Check that you copied all of it'],
      ['schlüssel', 'A credential has visible ASCII characters only.'],
      ['wrong-api-key-0001', 'The gateway does not accept this credential. Check that you copied all of it'],
    ])('says what to do about the credential "%s"', async (credential, message) => {
      await page.getByLabel('API key or token').fill(credential.replaceAll(' ', '-'));
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('alert').getByText(message).waitFor();
      expect(await page.getByRole('navigation').count()).toBe(0);
    });

    it('says so when the gateway cannot be reached, and keeps what was typed', async () => {
      await page.route('**/api/v1/caller', (request) => request.abort());
      await page.getByLabel('API key or token').fill(apiKey);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('alert').getByText('The gateway cannot be reached.').waitFor();
      await page.unroute('**/api/v1/caller');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('navigation').waitFor();
      // Where the stranger wanted to go.
      expect(await heading(page)).toBe('Quarantine');
    });
  });

  describe('with a credential', () => {
    it('keeps it for the tab, in no address, until one signs out', async () => {
      await world.signIn();
      await page.reload();
      await page.getByText('tester', { exact: true }).waitFor();
      expect(page.url()).not.toContain(apiKey);
      const other = await page.context().newPage();
      await other.goto(world.url);
      await other.getByLabel('API key or token').waitFor();
      await other.close();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByLabel('API key or token').waitFor();
      expect(await page.evaluate<number>('sessionStorage.length + localStorage.length')).toBe(0);
    });

    it('is at the form again, which says why, when the gateway no longer accepts it', async () => {
      await world.signIn();
      for (const path of ['/deliveries/consumers', '/caller']) {
        const restore = await world.fail(path, 401);
        await page.reload();
        await page.getByRole('status').getByText('The gateway no longer accepts the credential.').waitFor();
        expect(await page.getByRole('navigation').count()).toBe(0);
        await restore();
        await world.signIn();
      }
    });

    it('moves the focus to the heading of each page, names the page, and skips the navigation', async () => {
      await world.signIn();
      await page.getByRole('link', { name: 'Deliveries', exact: true }).first().press('Enter');
      await page.waitForFunction(`document.activeElement?.textContent === 'Deliveries'`);
      expect(await page.title()).toBe('Deliveries · Rewards Gateway');
      expect(await page.evaluate<string>('document.activeElement.tagName')).toBe('H1');
      await page.reload();
      await page.getByRole('navigation').waitFor();
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      expect(await page.evaluate<string>('document.activeElement.id')).toBe('main');
      expect(page.url()).toMatch(/#\/deliveries$/);
    });
  });

  describe('the overview', () => {
    beforeAll(() => world.signIn());
    beforeEach(() => world.goto('/'));

    it('shows what is up, what waits, the reconciliation and the last hour', async () => {
      await world.expectGood('overview');
      const tiles = page.getByRole('list', { name: 'What the gateway uses' });
      expect(await tiles.getByRole('heading').allTextContents()).toEqual([
        'Kigo',
        'Kiip',
        'Redis',
        'Database',
      ]);
      expect(await tiles.innerText()).toMatch(/Redis\s+not configured[^]*Database\s+up/);
      expect(await panel(page, 'Quarantine').innerText()).toMatch(/1\s+entry waits for a decision/);
      expect(await panel(page, 'Reconciliation').innerText()).toMatch(
        /in balance 4 callbacks accepted[^]*0 delivered\s+3 pending\s+0 dead\s+1 in quarantine\s+0 discarded\s+0 missing/,
      );
      expect(await panel(page, 'Consumers').getByRole('row').allInnerTexts()).toEqual([
        expect.stringMatching(/^Name\s+State\s+Waiting\s+Oldest\s+Dead$/),
        expect.stringMatching(/^wallet\s+active\s+0\s+–\s+0$/),
        expect.stringMatching(/^down\s+\w+\s+3\s+\d+ s\s+0$/),
      ]);
      expect(await page.getByRole('figure').count()).toBe(5);
      expect(await page.getByRole('img').first().getAttribute('aria-label')).toMatch(
        /^Callbacks, last .*accepted: now /,
      );
    });

    it('calls no consumer active where another process delivers', async () => {
      await page.route('**/deliveries/consumers', async (route) => {
        const response = await route.fetch();
        const { items } = (await response.json()) as { items: object[] };
        await route.fulfill({ response, json: { items: items.map((item) => ({ ...item, breaker: null })) } });
      });
      for (const path of ['/', '/deliveries']) {
        await world.goto(path);
        const consumers = panel(page, 'Consumers');
        await consumers.getByText('delivered by workers').first().waitFor();
        expect(await consumers.locator('.status.good').count()).toBe(0);
      }
      await page.unroute('**/deliveries/consumers');
    });

    it('leads from each number to its list', async () => {
      const hrefs = await page
        .getByRole('main')
        .getByRole('link')
        .evaluateAll((links) => links.map((link) => link.getAttribute('href')));
      expect(new Set(hrefs)).toEqual(
        new Set([
          '#/quarantine',
          '#/entries',
          '#/entries?status=discarded',
          '#/deliveries',
          '#/deliveries?status=delivered',
          '#/deliveries?status=pending',
          '#/deliveries?status=dead',
          ...['wallet', 'down'].flatMap((name) =>
            ['', '&status=pending', '&status=dead'].map((rest) => `#/deliveries?consumer=${name}${rest}`),
          ),
        ]),
      );
      await panel(page, 'Reconciliation').getByRole('link', { name: '4' }).click();
      await page.getByRole('heading', { name: 'Entries' }).waitFor();
    });

    it('calls only the last step of a chart now', async () => {
      await page.route('**/metrics/history', async (request) => {
        const response = await request.fetch();
        const history = (await response.json()) as { series: Record<string, (number | null)[]> };
        history.series['kigo_ms'] = [4, null];
        await request.fulfill({ response, json: history });
      });
      await page.reload();
      const latency = page.getByRole('figure').filter({ hasText: 'Vendor latency' });
      expect(await latency.getByRole('img').getAttribute('aria-label')).toContain(
        'Kigo: now –, at most 4 ms;',
      );
      await page.unrouteAll({ behavior: 'wait' });
    });

    it('does not jump while it loads', async () => {
      await page.setViewportSize({ width: 390, height: 844 });
      await page.route('**/{api,metrics}/**', async (request) => {
        await sleep(50);
        await request.continue();
      });
      await page.reload();
      await page.getByRole('figure').first().waitFor();
      const shifts = await page.evaluate<number>(LAYOUT_SHIFTS);
      await page.unrouteAll({ behavior: 'wait' });
      await page.setViewportSize({ width: 1280, height: 900 });
      // What Web Vitals calls good.
      expect(shifts).toBeLessThan(0.1);
    });

    it('shows an upstream that fails', async () => {
      world.kigo.addFault({ kind: 'status', status: 500, route: 'lookup' });
      for (let index = 0; index < 3; index += 1) await world.gateway.get(badge(`user-${index}`));
      await page.reload();
      const kigo = page.getByRole('list', { name: 'What the gateway uses' }).getByRole('listitem').first();
      await kigo.getByText('down', { exact: true }).waitFor();
      expect(await kigo.innerText()).toMatch(/^Kigo\s+down\s+.*500.*\d s ago/s);
      await world.expectGood('overview-down');
      world.kigo.clearFaults();
    });

    it('says what failed, beside what did not, and tries again', async () => {
      const restore = await Promise.all(
        ['/deliveries/consumers', '/metrics/history'].map((path) => world.fail(path)),
      );
      await page.reload();
      await panel(page, 'Consumers').getByRole('alert').getByText('The database does not respond.').waitFor();
      await world.expectGood('overview-failing');
      expect(await panel(page, 'Reconciliation').innerText()).toContain('in balance');
      for (const undo of restore) await undo();
      await panel(page, 'Consumers').getByRole('button', { name: 'Try again' }).click();
      await panel(page, 'Consumers').getByRole('row', { name: 'wallet' }).waitFor();
    });

    it('shows and asks for nothing that the credential may not see', async () => {
      await world.signIn(viewerKey);
      called = [];
      await page.reload();
      await page.getByRole('figure').first().waitFor();
      expect(await page.getByRole('navigation').getByRole('link').allTextContents()).toEqual(['Overview']);
      expect(await page.getByRole('region').allInnerTexts()).toEqual([
        expect.stringMatching(/^The last hour/),
      ]);
      expect(await page.getByRole('main').getByRole('link').count()).toBe(0);
      expect(called).toEqual(['/caller']);
      await world.signIn();
    });
  });

  it('lists all entries as text, whatever is in their names', async () => {
    await world.goto('/entries');
    await world.expectGood('entries');
    const rows = page.getByRole('row');
    expect(await rows.count()).toBe(5);
    expect(await rows.nth(2).innerText()).toContain(HOSTILE);
    expect(await page.locator('img[src="x"]').count()).toBe(0);
    await page.getByLabel('Status').selectOption('quarantined');
    await page.getByText('stranger').waitFor();
    await waitFor('the others are gone', async () => (await rows.count()) === 2);
    expect(page.url()).toMatch(/#\/entries\?status=quarantined$/);
  });

  it('needs no form where callers need no credential, and has no deliveries in a pod that does not deliver', async () => {
    const gateway = await startGateway({
      CALLER_AUTH: 'none',
      API_KEYS: '',
      CALLER_SCOPES: '',
      ROLE: 'api',
    });
    await gateway.app.get(MetricsHistoryService, { strict: false }).sample();
    const other = await page.context().newPage();
    await other.goto(`${gateway.url}/console/`);
    await other.getByRole('heading', { name: 'Overview' }).waitFor();
    expect(await other.getByRole('button', { name: 'Sign out' }).count()).toBe(0);
    await other.getByText('It does not deliver: workers do').waitFor();
    expect(await other.locator('figcaption').allTextContents()).not.toContain('Deliveries');
    await other.close();
    // The browser may keep a connection that it has never used: a server would wait for its first request.
    gateway.app.getHttpServer().closeAllConnections();
    await gateway.close();
  });
});
