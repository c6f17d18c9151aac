import type { Browser } from 'playwright-core';
import { describeWithChromium, startChromium } from '../support/chromium.js';
import { apiKey, startWorld } from '../support/gateway.js';
import type { World } from '../support/gateway.js';
import { startWebServer } from '../support/web-front-end.js';

describeWithChromium('/docs in a browser', () => {
  let browser: Browser;
  let world: World;

  beforeAll(async () => {
    [browser, world] = await Promise.all([startChromium(), startWorld()]);
  });
  afterAll(() => Promise.all([browser.close(), world.close()]));

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
