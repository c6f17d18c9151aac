import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';
import { describeWhenInstalled } from './describe-when-installed.js';

/** The path of the Debian package, unless the environment names another. */
const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const installed = existsSync(executablePath);

export const describeWithChromium = describeWhenInstalled(
  installed,
  `there is no Chromium at ${executablePath}`,
);

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
