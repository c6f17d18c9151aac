import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';

/** The path of Debian, unless the environment names another. */
const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const installed = existsSync(executablePath);
const required = process.env['CI'] === 'true' || process.env['REQUIRE_SERVICES'] === '1';

/** `describe`, or a skip with a warning on a machine without Chromium. Where services are required, the tests run and fail. */
export const describeWithChromium = installed || required ? describe : skipLoudly();

function skipLoudly(): typeof describe.skip {
  console.warn(`SKIPPED: the tests in a real browser. There is no Chromium at ${executablePath}.`);
  return describe.skip;
}

export async function startChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      // Chromium does not run as root otherwise; it only opens our own pages here.
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-dev-shm-usage',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
