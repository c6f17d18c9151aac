import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { startKigoSandbox, startKiipSandbox } from '@rewards-gateway/sandbox';
import type { KigoSandbox, KiipSandbox } from '@rewards-gateway/sandbox';
import type { Environment } from '../../src/config/read-config.js';
import { startChromium } from './chromium.js';
import { apiKey } from './gateway.js';
import { startKiipGateway } from './kiip.js';
import type { KiipGateway } from './kiip.js';
import { kiipAppKey } from './kiip-world.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Where screenshots go, for somebody to look at. None unless it is set. */
const screenshots = process.env['CONSOLE_SCREENSHOTS'];

/** A test that waits in vain is to say for what. */
const TIMEOUT_MS = 15_000;

const WIDE = { width: 1280, height: 900 };
/** At three quarters of the size: all that matters, in few bytes. */
const PICTURE = { width: 880, height: 700 };
const NARROW = { width: 390, height: 844 };

/** A console in a browser. */
export interface OpenConsole {
  /** The address of the console, with a slash at its end. */
  readonly url: string;
  /** One tab in a browser of its own for all tests of a file. */
  readonly page: Page;
  /** Opens the console and enters a credential, as a person does. */
  signIn(credential?: string): Promise<void>;
  /** Opens a page by its route, such as `/users/u-1`, and waits until what it shows has been loaded. */
  goto(route: string): Promise<void>;
  /** Lets requests to a path fail, such as `/api/v1/deliveries`, until the returned function is called. */
  fail(path: string, status?: number): Promise<() => Promise<void>>;
  /** Light and dark, wide and narrow: axe finds nothing and nothing is scrolled sideways. Takes screenshots of that name. */
  expectGood(name: string): Promise<void>;
  /** Takes a picture for the README, with screenshots. */
  picture(name: string): Promise<void>;
  /** @throws when the page broke its content security policy, or wrote an error to the console */
  close(): Promise<void>;
}

/** A gateway with simulated vendors, and its console. */
export interface ConsoleWorld extends OpenConsole {
  readonly kigo: KigoSandbox;
  readonly kiip: KiipSandbox;
  readonly gateway: KiipGateway;
}

/** @param scopes of the credential that `signIn()` enters: all of them unless given */
export async function startConsole({
  scopes,
  env,
}: {
  readonly scopes?: readonly string[];
  readonly env?: Environment;
} = {}): Promise<ConsoleWorld> {
  const [kigo, kiip] = await Promise.all([
    startKigoSandbox(),
    startKiipSandbox({ appSecret: 'test_app_secret_0001' }),
  ]);
  const gateway = await startKiipGateway({
    KIGO_BASE_URL: kigo.url,
    KIIP_BASE_URL: kiip.url,
    KIIP_APP_KEY: kiipAppKey,
    ...(scopes && { CALLER_SCOPES: JSON.stringify({ tester: scopes }) }),
    ...env,
  });
  const opened = await openConsole(`${gateway.urls.management ?? gateway.url}/console/`, apiKey);
  return {
    ...opened,
    kigo,
    kiip,
    gateway,
    async close() {
      try {
        await opened.close();
      } finally {
        await gateway.close();
        await Promise.all([kigo.close(), kiip.close()]);
      }
    },
  };
}

/** @param url with a slash at its end */
export async function openConsole(url: string, key: string): Promise<OpenConsole> {
  const browser = await startChromium();
  const { page, errors } = await openPage(browser);

  const signIn = async (credential = key) => {
    // Somebody may be signed in. This is no page that would be so again.
    await page.goto(`${url}config.json`);
    await page.evaluate('sessionStorage.clear()');
    await page.goto(url);
    await page.getByLabel('API key or token').fill(credential);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('navigation').waitFor();
  };
  const settled = async () => {
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.locator('.loading').first().waitFor({ state: 'detached' });
  };
  return {
    url,
    page,
    signIn,
    async goto(route) {
      await page.evaluate(`location.hash = ${JSON.stringify(route)}`);
      await settled();
    },
    async fail(path, status = 503) {
      const matches = ({ pathname }: URL) => pathname.endsWith(path);
      await page.route(matches, (request) =>
        request.fulfill({ status, contentType: 'application/problem+json', body: problemOf(status) }),
      );
      return () => page.unroute(matches);
    },
    async expectGood(name) {
      await settled();
      await inView(page, 'light', WIDE, name);
      await expectAccessible(page);
      await inView(page, 'dark', NARROW, name);
      await expectAccessible(page);
      await expectNoSidewaysScroll(page);
      if (screenshots !== undefined) {
        await inView(page, 'light', NARROW, name);
        await inView(page, 'dark', WIDE, name);
      }
      await page.setViewportSize(WIDE);
      await page.emulateMedia({ colorScheme: 'light' });
    },
    async picture(name) {
      if (screenshots === undefined) return;
      await page.setViewportSize(PICTURE);
      await page.evaluate(`document.documentElement.style.zoom = '0.75'; scrollTo(0, 0)`);
      await page.screenshot({ path: join(screenshots, `${name}.png`) });
      await page.evaluate(`document.documentElement.style.zoom = ''`);
      await page.setViewportSize(WIDE);
    },
    async close() {
      await browser.close();
      expect(errors).toEqual([]);
    },
  };
}

async function openPage(browser: Browser): Promise<{ page: Page; errors: string[] }> {
  const context = await browser.newContext({ viewport: WIDE, colorScheme: 'light' });
  context.setDefaultTimeout(TIMEOUT_MS);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    // Chromium says this of every response that is an error.
    const isResponse = message.text().startsWith('Failed to load resource');
    // A reward page closes itself so, for an app to see: docs/rewards.md.
    const isReward = message.text().startsWith('Navigation to external protocol blocked by sandbox');
    if (message.type() === 'error' && !isResponse && !isReward) errors.push(message.text());
  });
  return { page, errors };
}

async function inView(
  page: Page,
  colorScheme: 'light' | 'dark',
  size: { width: number; height: number },
  name: string,
): Promise<void> {
  await page.setViewportSize(size);
  await page.emulateMedia({ colorScheme });
  if (screenshots === undefined) return;
  mkdirSync(screenshots, { recursive: true });
  const path = join(screenshots, `${name}-${colorScheme}-${size.width}.png`);
  await page.screenshot({ path, fullPage: true });
}

async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(`${AXE}; undefined`);
  const violations = await page.evaluate<string[]>(
    `axe.run().then(({ violations }) => violations.map(({ id, help, nodes }) =>
      id + ': ' + help + ': ' + nodes.map(({ html }) => html).slice(0, 3).join(' ')))`,
  );
  expect(violations).toEqual([]);
}

async function expectNoSidewaysScroll(page: Page): Promise<void> {
  expect(
    await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth'),
  ).toBeLessThanOrEqual(0);
}

function problemOf(status: number): string {
  return JSON.stringify({
    type: status === 503 ? 'urn:rewards-gateway:problem:storage-unavailable' : 'about:blank',
    title: status === 503 ? 'Storage unavailable' : `Status ${status}`,
    status,
    detail: 'The database does not respond.',
    instance: 'request-1',
    retryable: false,
  });
}
