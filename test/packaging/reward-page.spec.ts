import { readFileSync } from 'node:fs';
import type { Browser, BrowserContext, Frame, Page } from 'playwright-core';
import type { MomentDto } from '../../src/kiip/moment.dto.js';
import { startKiipSandbox } from '@rewards-gateway/sandbox';
import type { KiipSandbox } from '@rewards-gateway/sandbox';
import { describeWithChromium, startChromium } from '../support/chromium.js';
import { startKiipGateway } from '../support/kiip.js';
import type { KiipGateway } from '../support/kiip.js';
import { waitFor } from '../support/wait-for.js';
import { startWebServer } from '../support/web-front-end.js';
import type { WebServer } from '../support/web-front-end.js';

const guide = readFileSync(new URL('../../docs/rewards.md', import.meta.url), 'utf8');

/** The only code block of docs/rewards.md in this language. */
function snippet(language: string): string {
  const [first, ...more] = guide.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'));
  if (!first?.[1] || more.length > 0) throw new Error(`docs/rewards.md has no single snippet in ${language}`);
  return first[1];
}

const MOMENT = JSON.parse(snippet('json')) as { user: { userid: string } };
const FRAMED = snippet('html');

/** The header that docs/rewards.md asks for, with other hosts. */
function policy(...origins: string[]): string {
  const [, given] = /`Content-Security-Policy: (frame-src [^`]*)`/.exec(guide) ?? [];
  if (!given?.includes('https://api.kiip.me')) throw new Error('docs/rewards.md names no policy');
  return given.replace('https://api.kiip.me', origins.join(' '));
}

let kiip: KiipSandbox;
let gateway: KiipGateway;
let browser: Browser;
let context: BrowserContext;

async function moment(userid: string, more: object = {}): Promise<MomentDto> {
  const answer = await gateway.post('/api/v1/kiip/moments', { ...MOMENT, user: { userid }, ...more });
  expect(answer.status).toBe(200);
  return (await answer.json()) as MomentDto;
}

async function displayUrl(userid: string, more?: object): Promise<string> {
  const { rewarded, reward } = await moment(userid, more);
  expect(rewarded).toBe(true);
  return reward?.display_url ?? '';
}

async function balanceOf(userid: string): Promise<number> {
  const { balances } = (await gateway.read(`/users/${userid}/balances`)) as unknown as {
    balances: { quantity: number }[];
  };
  return balances.reduce((sum, { quantity }) => sum + quantity, 0);
}

const rowsOf = async (userid: string) => (await gateway.read(`/issuances?user_id=${userid}`)).items;

/** Records every `kiip:` URL that the page or a frame in it navigates to, as the delegate of an app sees it. */
function watch(page: Page): string[] {
  const seen: string[] = [];
  page.on('request', (request) => {
    if (request.isNavigationRequest() && request.url().startsWith('kiip:')) seen.push(request.url());
  });
  return seen;
}

describeWithChromium('rewards in a real browser', () => {
  beforeAll(async () => {
    kiip = await startKiipSandbox();
    gateway = await startKiipGateway({
      KIIP_BASE_URL: kiip.url,
      KIIP_APP_KEY: 'demo-kiip-app-key',
      KIIP_APP_SECRETS: 'demo-kiip-app-secret',
    });
    kiip.setCallbackUrl(`${gateway.url}/callbacks/kiip`);
    browser = await startChromium();
  });
  beforeEach(async () => {
    context = await browser.newContext({ viewport: { width: 412, height: 732 } });
  });
  afterEach(() => context.close());
  afterAll(async () => {
    await browser?.close();
    await gateway?.close();
    await kiip?.close();
  });

  describe('the reward page', () => {
    it('shows the reward, credits the user by callback when it is redeemed, and then dismisses', async () => {
      const url = await displayUrl('redeemer', { email_address: 'me@example.com' });
      const page = await context.newPage();
      const seen = watch(page);
      await page.goto(url);
      expect(await page.getByRole('heading').textContent()).toBe('20 Coins');
      expect(await page.getByRole('textbox').inputValue()).toBe('me@example.com');
      expect(await page.evaluate("document.querySelector('img').naturalWidth")).toBeGreaterThan(0);
      expect(await rowsOf('redeemer')).toEqual([]);

      await page.getByRole('button', { name: 'Redeem' }).click();
      await waitFor('the page dismisses itself', () => seen.includes('kiip://did_dismiss'));
      await waitFor('the callback has arrived', async () => (await rowsOf('redeemer')).length > 0);
      const [reward] = kiip.rewards().slice(-1);
      expect(await rowsOf('redeemer')).toEqual([
        expect.objectContaining({
          kind: 'redemption',
          status: 'recorded',
          transaction_id: reward?.view_id,
          quantity: 20,
        }),
      ]);
      expect(await balanceOf('redeemer')).toBe(20);
      expect(seen).toEqual([
        expect.stringMatching(/^kiip:\/\/content\?content=[-0-9a-f]+&quantity=20&transaction_id=/),
        'kiip://did_dismiss',
      ]);
      // A custom scheme loads no page: the app closes the view.
      expect(page.url()).toBe(url);
      expect(await page.getByRole('button', { name: 'Redeemed' }).isDisabled()).toBe(true);
    });

    it('closes with did_dismiss, without a credit', async () => {
      const page = await context.newPage();
      const seen = watch(page);
      await page.goto(await displayUrl('closer'));
      await page.getByRole('link', { name: 'Close' }).click();
      await waitFor('the page dismisses itself', () => seen.length > 0);
      await kiip.settled();
      expect(seen).toEqual(['kiip://did_dismiss?close=1']);
      expect(await rowsOf('closer')).toEqual([]);
    });

    it('has no close button when the moment disables it', async () => {
      const page = await context.newPage();
      await page.goto(await displayUrl('captive', { close_button: false }));
      expect(await page.getByRole('button', { name: 'Redeem' }).isVisible()).toBe(true);
      expect(await page.getByText('Close').count()).toBe(0);
    });

    it('fits a small phone without scrolling sideways', async () => {
      const page = await context.newPage();
      await page.setViewportSize({ width: 320, height: 568 });
      await page.goto(await displayUrl('small'));
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320);
    });
  });

  describe('the web page of docs/rewards.md', () => {
    let site: WebServer;
    let hostile: WebServer;
    let offered: () => Promise<unknown>;
    let html: string;
    let headers: Record<string, string>;
    let arrived: string[];

    beforeAll(async () => {
      hostile = await startWebServer({
        'GET /': () => HOSTILE,
        'POST /tried': () => (arrived.push('tried'), ''),
        'GET /popup': () => (arrived.push('popup'), ''),
      });
      site = await startWebServer(
        {
          'GET /': () => html,
          'POST /moments': async () => JSON.stringify(await offered()),
          'GET /balance': async () => JSON.stringify({ coins: await balanceOf(MOMENT.user.userid) }),
        },
        () => headers,
      );
    });
    beforeEach(() => {
      html = FRAMED;
      headers = { 'content-security-policy': policy(kiip.url, hostile.url) };
      arrived = [];
      offered = () => moment(MOMENT.user.userid);
    });
    afterAll(async () => {
      await site?.close();
      await hostile?.close();
    });

    /** Opens the site and earns a reward; resolves with the page and the frame that the reward is in. */
    async function open(): Promise<{ page: Page; frame: Frame; seen: string[]; said: string[] }> {
      const page = await context.newPage();
      const seen = watch(page);
      const said: string[] = [];
      page.on('console', (message) => said.push(message.text()));
      await page.goto(site.url);
      await page.getByRole('button', { name: 'Finish level 1' }).click();
      const frame = await (await page.locator('iframe').elementHandle())?.contentFrame();
      if (!frame) throw new Error('there is no frame');
      return { page, frame, seen, said };
    }

    /** Presses the button of the hostile page, which tries every attack. Resolves after that. */
    async function press(): Promise<Page> {
      const { page, frame } = await open();
      await frame.getByRole('button', { name: 'Win' }).click();
      await waitFor(
        'every attack has been tried',
        () => arrived.includes('tried') || page.url() !== `${site.url}/`,
      );
      return page;
    }

    it('shows the reward, closes with its own button, and shows the balance of the gateway', async () => {
      const { page, frame, seen, said } = await open();
      expect(await frame.getByRole('heading').textContent()).toBe('20 Coins');
      await page.locator('#reward-loading').waitFor({ state: 'hidden' });
      expect(frame.url()).toBe(kiip.rewards().at(-1)?.body_url);
      await frame.getByRole('button', { name: 'Redeem' }).click();
      await waitFor('the page dismisses itself', () => seen.includes('kiip://did_dismiss'));
      await waitFor('the callback has arrived', async () => (await balanceOf(MOMENT.user.userid)) === 20);
      // The site cannot see it, and no app is started for it.
      const blocked = () => said.filter((text) => text.includes('external protocol blocked by sandbox'));
      await waitFor('both are blocked', () => blocked().length === 2);
      expect(await page.getByRole('dialog').isVisible()).toBe(true);
      await page.getByRole('button', { name: 'Close', exact: true }).click();
      await page.getByText('You have 20 coins.').waitFor();
      expect([await page.getByRole('dialog').count(), await page.locator('iframe').count()]).toEqual([0, 0]);
    });

    it('shows the next reward after one was closed with the Escape key', async () => {
      const { page, frame } = await open();
      const first = frame.url();
      await frame.getByRole('heading').waitFor();
      await page.keyboard.press('Escape');
      await page.locator('iframe').waitFor({ state: 'detached' });
      await page.getByRole('button', { name: 'Finish level 1' }).click();
      expect(await page.frameLocator('iframe').getByRole('heading').textContent()).toBe('20 Coins');
      const next = await (await page.locator('iframe').elementHandle())?.contentFrame();
      expect(next?.url()).not.toBe(first);
    });

    it('loses the reward page when its policy leaves kiip: out', async () => {
      headers = { 'content-security-policy': `frame-src ${kiip.url}` };
      offered = () => moment('unlucky');
      const { page, frame } = await open();
      await frame.getByRole('button', { name: 'Redeem' }).click();
      await waitFor('the frame is blocked', () => frame.url().startsWith('chrome-error:'));
      await kiip.settled();
      expect(await page.getByRole('dialog').isVisible()).toBe(true);
    });

    it('shows the title while the reward loads, and can be closed before', async () => {
      kiip.addFault({ kind: 'hang', route: 'reward', times: 1 });
      const page = await context.newPage();
      await page.goto(site.url);
      await page.getByRole('button', { name: 'Finish level 1' }).click();
      await page.getByText('Loading your Kiip Reward: 20 Coins').waitFor();
      await page.getByRole('button', { name: 'Close', exact: true }).click();
      await page.locator('iframe').waitFor({ state: 'detached' });
      expect(await page.getByRole('dialog').count()).toBe(0);
    });

    it('shows nothing when there is no reward', async () => {
      const answered = { rewarded: false, date: null, reward: null };
      offered = () => Promise.resolve(answered);
      const page = await context.newPage();
      await page.goto(site.url);
      const answer = page.waitForResponse(`${site.url}/moments`);
      await page.getByRole('button', { name: 'Finish level 1' }).click();
      await (await answer).finished();
      expect(await page.locator('iframe').count()).toBe(0);
    });

    it('closes when the reward page does not load in time', async () => {
      kiip.addFault({ kind: 'hang', route: 'reward', times: 1 });
      offered = async () => {
        const { reward } = await moment(MOMENT.user.userid);
        return { rewarded: true, reward: Object.assign({}, reward, { timeout_seconds: 0.3 }) };
      };
      const page = await context.newPage();
      await page.goto(site.url);
      await page.getByRole('button', { name: 'Finish level 1' }).click();
      await page.getByText('Loading your Kiip Reward: 20 Coins').waitFor({ state: 'attached' });
      await page.locator('iframe').waitFor({ state: 'detached' });
      expect(await page.getByRole('dialog').count()).toBe(0);
    });

    it('does not show a reward page of its own origin', async () => {
      offered = () => Promise.resolve({ rewarded: true, reward: { display_url: `${site.url}/` } });
      const page = await context.newPage();
      const failed = page.waitForEvent('pageerror');
      await page.goto(site.url);
      await page.getByRole('button', { name: 'Finish level 1' }).click();
      expect((await failed).message).toBe('a reward of our own origin');
      expect(await page.locator('iframe').count()).toBe(0);
    });

    describe('with a hostile reward page', () => {
      beforeEach(() => {
        offered = () => Promise.resolve({ rewarded: true, reward: { display_url: `${hostile.url}/` } });
      });

      it('does not let it navigate the site or open windows', async () => {
        const page = await press();
        await page.getByRole('button', { name: 'Close', exact: true }).click();
        await page.locator('iframe').waitFor({ state: 'detached' });
        expect([page.url(), context.pages().length, arrived]).toEqual([`${site.url}/`, 1, ['tried']]);
      });

      it('needs the sandbox attribute for that: without it, the same page succeeds', async () => {
        html = FRAMED.replace(/^.*setAttribute\('sandbox'.*\n/m, '');
        expect(html).not.toBe(FRAMED);
        const page = await press();
        await waitFor('the site is gone', () => page.url() === `${hostile.url}/popup`);
        await waitFor('a window is open', () => context.pages().length === 2);
      });
    });
  });
});

const HOSTILE = `<!doctype html><button>Win</button><script>
document.querySelector('button').addEventListener('click', async () => {
  const attempts = [
    () => open('/popup'),
    () => { top.location.href = '/popup' },
    () => { const a = document.createElement('a'); a.href = '/popup'; a.target = '_top'; a.click() },
  ];
  for (const attempt of attempts) { try { attempt() } catch {} }
  await fetch('/tried', { method: 'POST' });
});
</script>`;
