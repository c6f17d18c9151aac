import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { KigoSettings } from './kigo/kigo-settings.js';
import type { KiipSettings } from './kiip/kiip-settings.js';
import { ISSUED } from './wallet/wallet-event.js';

export const DEMO_API_KEY = 'demo-key-for-this-machine-only';
const DEMO_SCOPES = ['kigo:read', 'kiip:write', 'ledger:read', 'ledger:decide', 'deliveries:manage'];

// The demonstration runs on embedded stores, and a secret given as a file besides would be an error.
const NOT_INHERITED = [
  'REDIS_URL',
  'DATABASE_URL',
  // Its default is the host of KIIP_BASE_URL: the simulated one.
  'KIIP_REWARD_HOSTS',
  // Everything is on PORT, where the commands to try look for it.
  'CALLBACK_PORT',
  'MANAGEMENT_PORT',
  ...[
    'KIGO_PARTNER_ID',
    'KIGO_API_KEY',
    'KIIP_APP_KEY',
    'KIIP_APP_SECRETS',
    'API_KEYS',
    'DELIVERY_CONSUMERS',
    'REDIS_URL',
    'DATABASE_URL',
  ].map((name) => `${name}_FILE`),
];

const READY_WITHIN_MS = 60_000;
const STOPPED_WITHIN_MS = 5_000;

export interface GatewaySurroundings {
  host: string;
  port: number;
  kigo: { url: string; settings: KigoSettings };
  kiip: { url: string; settings: KiipSettings };
  wallet: { url: string; secret: string };
  /** Of the embedded database. */
  dataDir: string;
}

/** The environment of the gateway: what the shell gives, less its upstreams and stores, plus the sandbox. */
export function gatewayEnvironment(
  shell: NodeJS.ProcessEnv,
  { host, port, kigo, kiip, wallet, dataDir }: GatewaySurroundings,
): NodeJS.ProcessEnv {
  const consumer = {
    name: 'wallet',
    url: `${wallet.url}/events`,
    secrets: [wallet.secret],
    events: [ISSUED],
  };
  const { currencyContent, currencyName } = kiip.settings;
  const currencies = { [currencyContent]: { name: currencyName, max_quantity: 1_000 } };
  const inherited = Object.entries(shell).filter(([name]) => !NOT_INHERITED.includes(name));
  return {
    LOG_LEVEL: 'warn',
    SHUTDOWN_GRACE_SECONDS: '2',
    // Short, so that a stale response can be seen without a long wait.
    HUB_SUMMARY_TTL_SECONDS: '10',
    // As the README recommends.
    KIIP_CURRENCIES: JSON.stringify(currencies),
    ...Object.fromEntries(inherited),
    HOST: host,
    PORT: String(port),
    CALLER_AUTH: 'api-key',
    API_KEYS: `demo:${DEMO_API_KEY}`,
    CALLER_SCOPES: JSON.stringify({ demo: DEMO_SCOPES }),
    KIGO_BASE_URL: kigo.url,
    KIGO_PARTNER_ID: kigo.settings.partnerId,
    KIGO_API_KEY: kigo.settings.apiKeys[0],
    KIIP_BASE_URL: kiip.url,
    KIIP_APP_KEY: kiip.settings.appKey,
    KIIP_APP_SECRETS: kiip.settings.appSecret,
    DELIVERY_CONSUMERS: JSON.stringify([consumer]),
    DATA_DIR: dataDir,
    ALLOW_INSECURE_UPSTREAMS: 'true',
  };
}

/**
 * Starts the built gateway with the output streams of this process.
 * @throws when there is no built gateway, as in an installed package
 */
export function startGateway(env: NodeJS.ProcessEnv): ChildProcess {
  const entry = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
  if (!existsSync(entry)) {
    throw new Error(`There is no gateway at ${entry}. Use --vendors-only to start Kigo and Kiip alone.`);
  }
  return spawn(process.execPath, [entry], { env, stdio: ['ignore', 'inherit', 'inherit'] });
}

/** Resolves once `GET <url>/health/ready` is 200; false when the process ended or a minute has passed. */
export async function isReady(gateway: ChildProcess, url: string): Promise<boolean> {
  const deadline = Date.now() + READY_WITHIN_MS;
  while (!hasEnded(gateway) && Date.now() < deadline) {
    const response = await fetch(`${url}/health/ready`).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.status === 200) return true;
    await sleep(50);
  }
  return false;
}

/** Asks the gateway to stop, and makes it stop when it takes too long. */
export async function stopGateway(gateway: ChildProcess): Promise<void> {
  if (hasEnded(gateway)) return;
  const ended = once(gateway, 'exit');
  gateway.kill('SIGTERM');
  const force = setTimeout(() => gateway.kill('SIGKILL'), STOPPED_WITHIN_MS);
  await ended;
  clearTimeout(force);
}

export function hasEnded(gateway: ChildProcess): boolean {
  return gateway.exitCode !== null || gateway.signalCode !== null;
}
