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

/** What a program needs of the shell. The configuration of another gateway, such as ROLE, is not for this one. */
const INHERITED =
  /^(PATH|HOME|TMPDIR|TMP|TEMP|TZ|LANG|LC_.*|NODE_.*|USER|USERNAME|USERPROFILE|SYSTEMROOT|COMSPEC|PATHEXT|APPDATA|LOCALAPPDATA)$/i;

const READY_WITHIN_MS = 60_000;
/** Longer than the gateway takes: two seconds for its requests, and ten for its database. */
const STOPPED_WITHIN_MS = 15_000;

export interface GatewaySurroundings {
  host: string;
  port: number;
  kigo: { url: string; settings: KigoSettings };
  kiip: { url: string; settings: KiipSettings };
  wallet: { url: string; secret: string };
  /** The control API of the proxy, and the URL of the Redis through it. */
  redis?: { url: string; redisUrl: string };
  /** Of the embedded database. */
  dataDir: string;
}

/** The environment of the gateway: the demonstration, whatever the shell is configured for. */
export function gatewayEnvironment(
  shell: NodeJS.ProcessEnv,
  { host, port, kigo, kiip, wallet, redis, dataDir }: GatewaySurroundings,
): NodeJS.ProcessEnv {
  const ownUrl = shell['SANDBOX_CONSUMER_URL'];
  if (ownUrl && !/^https?:/.test(URL.parse(ownUrl)?.protocol ?? ''))
    throw new Error('SANDBOX_CONSUMER_URL must be an http or https URL.');
  const common = { secrets: [wallet.secret], events: [ISSUED] };
  const consumers = [
    { name: 'wallet', url: `${wallet.url}/events`, ...common },
    // The one under development.
    ...(ownUrl ? [{ name: 'service', url: ownUrl, ...common }] : []),
  ];
  const { currencyContent, currencyName } = kiip.settings;
  const currencies = { [currencyContent]: { name: currencyName, max_quantity: 1_000 } };
  const controls = { kigo: kigo.url, kiip: kiip.url, wallet: wallet.url, ...(redis && { redis: redis.url }) };
  const inherited = Object.entries(shell).filter(([name]) => INHERITED.test(name));
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
    DELIVERY_CONSUMERS: JSON.stringify(consumers),
    DATA_DIR: dataDir,
    ALLOW_INSECURE_UPSTREAMS: 'true',
    ...(redis && { REDIS_URL: redis.redisUrl, REDIS_KEY_PREFIX: 'sandbox:' }),
    CONSOLE_SANDBOX: JSON.stringify(controls),
  };
}

/** The built gateway: beside the sandbox in the repository, and within it in the package. */
const ENTRIES = ['../../dist/main.js', './gateway/main.js'].map((path) => new URL(path, import.meta.url));

/**
 * Starts the gateway with the output streams of this process.
 * @throws when there is none, as in an image of the vendors alone
 */
export function startGateway(env: NodeJS.ProcessEnv): ChildProcess {
  const found = ENTRIES.find((url) => existsSync(url));
  if (found === undefined)
    throw new Error('There is no gateway here. Use --vendors-only to start Kigo and Kiip alone.');
  const entry = fileURLToPath(found);
  return spawn(process.execPath, [entry], { env, stdio: ['ignore', 'inherit', 'inherit'] });
}

/** Resolves once `GET <url>/health/ready` is 200; false when the process ended or a minute has passed. */
export async function isReady(gateway: ChildProcess, url: string): Promise<boolean> {
  const deadline = performance.now() + READY_WITHIN_MS;
  while (!hasEnded(gateway) && performance.now() < deadline) {
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
