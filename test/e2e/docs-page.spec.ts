import { connect } from 'node:net';
import { once } from 'node:events';
import type { Browser } from 'playwright-core';
import { describeWithChromium, startChromium } from '../support/chromium.js';
import { apiKey, startWorld } from '../support/gateway.js';
import type { World } from '../support/gateway.js';
import { startWebServer } from '../support/web-front-end.js';

let world: World;

beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());

it.each(['/docs', '/docs/', '/docs/swagger-ui-bundle.js', '/openapi.json', '/openapi.yaml'])(
  '%s has the security headers of a page',
  async (path) => {
    const { headers } = await fetch(world.gateway.url + path);
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self'; .*frame-ancestors 'none'$/,
    );
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  },
);

it.each([
  ['/openapi.json', /^application\/json/],
  ['/openapi.yaml', /^text\/yaml/],
])('%s is the same for GET and HEAD, in any order', async (path, type) => {
  const other = await startWorld();
  const ask = async (method: string) => {
    const response = await fetch(other.gateway.url + path, { method });
    const { status, headers } = response;
    return {
      metadata: [status, headers.get('content-type'), headers.get('content-length')],
      text: await response.text(),
    };
  };
  const responses = [await ask('HEAD'), await ask('GET'), await ask('GET'), await ask('HEAD')];
  await other.close();
  const [, { text, metadata } = { text: '', metadata: [] }] = responses;
  expect(metadata).toEqual([200, expect.stringMatching(type), String(Buffer.byteLength(text))]);
  expect(text.length).toBeGreaterThan(10_000);
  expect(responses).toEqual([
    { metadata, text: '' },
    { metadata, text },
    { metadata, text },
    { metadata, text: '' },
  ]);
});

describeWithChromium('/docs in a browser', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await startChromium();
  });
  afterAll(() => browser.close());

  it('renders, authorizes and sends requests under its content security policy', async () => {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    page.on('pageerror', (error) => errors.push(error.message));
    await page.goto(`${world.gateway.url}/docs/`);
    await page.locator('.btn.authorize').click();
    await page.locator('.auth-container input').fill(apiKey);
    await page.locator('.auth-container button[type=submit]').click();
    await page.locator('.btn-done').click();
    await page.locator('#operations-Kigo-findAccount .opblock-summary-control').click();
    await page.locator('#operations-Kigo-findAccount .try-out__btn').click();
    const inputs = page.locator('#operations-Kigo-findAccount .parameters input[type=text]');
    await inputs.nth(0).fill('user123');
    await inputs.nth(1).fill('program456');
    await page.locator('#operations-Kigo-findAccount .execute').click();
    const body = page.locator('#operations-Kigo-findAccount .live-responses-table .response-col_description');
    await body.getByText('account_id').first().waitFor();
    expect(await page.locator('.live-responses-table .response-col_status').nth(1).textContent()).toMatch(
      /^200/,
    );
    expect(errors).toEqual([]);
  });

  it('is not shown in a frame of another page', async () => {
    const other = await startWebServer({
      'GET /': () => `<iframe src="${world.gateway.url}/docs/"></iframe>`,
    });
    const page = await browser.newPage();
    const blocked = page.waitForEvent('console', (message) => message.text().includes('frame-ancestors'));
    await page.goto(other.url);
    await blocked;
    expect(await page.frames()[1]?.locator('.swagger-ui').count()).toBe(0);
    await other.close();
  });
});

describe('the HTTP server', () => {
  it('has its documented limits', () => {
    const server = world.gateway.app.getHttpServer();
    const { headersTimeout, requestTimeout, keepAliveTimeout, timeout, maxConnections } = server;
    expect({ headersTimeout, requestTimeout, keepAliveTimeout, timeout, maxConnections }).toEqual({
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      keepAliveTimeout: 75_000,
      timeout: 10_000,
      maxConnections: 10_100,
    });
  });

  it('rejects a URL and headers of more than 16 KiB together', async () => {
    const { port } = new URL(world.gateway.url);
    for (const [size, status] of [
      [15 * 1024, 200],
      [17 * 1024, 431],
    ]) {
      const socket = connect(Number(port), '127.0.0.1');
      socket.write(
        `GET /health/live?${'x'.repeat(size! / 2)} HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(size! / 2)}\r\n\r\n`,
      );
      const [response] = (await once(socket, 'data')) as [Buffer];
      socket.destroy();
      expect(response.toString()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    }
  });
});
