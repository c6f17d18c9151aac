#!/usr/bin/env node
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  DEMO_API_KEY,
  gatewayEnvironment,
  hasEnded,
  isReady,
  startGateway,
  stopGateway,
} from './gateway-process.js';
import { startKigoSandbox } from './kigo/start-kigo-sandbox.js';
import type { KigoSandbox } from './kigo/kigo-sandbox.js';
import { startKiipSandbox } from './kiip/start-kiip-sandbox.js';
import type { KiipSandbox } from './kiip/kiip-sandbox.js';
import { startRedisProxy } from './redis/start-redis-proxy.js';
import type { RedisProxy } from './redis/start-redis-proxy.js';
import { freePort, onPort, originOf, reachable } from './server/listen.js';
import { startWalletSandbox } from './wallet/wallet-sandbox.js';
import type { WalletSandbox } from './wallet/wallet-sandbox.js';
import { firstSteps } from './first-steps.js';

const env = process.env;
const host = env['SANDBOX_HOST'] || '127.0.0.1';
/** The pages that may use the control APIs: those of the gateway, once its port is known. */
const CONSOLE_ORIGINS: string[] = [];
const stopped = new Promise<void>((resolve) => {
  // Both the terminal and npm pass Ctrl-C on, so it may come twice.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
});

process.exitCode = await run().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  return 1;
});

/** Runs until it is told to stop; resolves to the exit code. */
async function run(): Promise<number> {
  const { values } = parseArgs({ options: { 'vendors-only': { type: 'boolean' } } });
  const kigo = await onPort(['SANDBOX_KIGO_PORT', 3001], (port) =>
    startKigoSandbox({ port, host, consoleOrigins: CONSOLE_ORIGINS }),
  );
  try {
    const kiip = await onPort(['SANDBOX_KIIP_PORT', 3002], (port) =>
      startKiipSandbox({ port, host, consoleOrigins: CONSOLE_ORIGINS }),
    );
    try {
      return values['vendors-only'] ? await serveVendors(kigo, kiip) : await serveAll(kigo, kiip);
    } finally {
      await kiip.close();
    }
  } finally {
    await kigo.close();
  }
}

async function serveVendors(kigo: KigoSandbox, kiip: KiipSandbox): Promise<number> {
  const callbackUrl = env['SANDBOX_CALLBACK_URL'] || 'http://127.0.0.1:3000/callbacks/kiip';
  if (!/^https?:/.test(URL.parse(callbackUrl)?.protocol ?? '')) {
    throw new Error('SANDBOX_CALLBACK_URL must be an http or https URL.');
  }
  kiip.setCallbackUrl(callbackUrl);
  const { partnerId, apiKeys } = kigo.configure({});
  const { appKey, appSecret } = kiip.configure({});
  const [kigoUrl, kiipUrl] = [reachable(kigo.url), reachable(kiip.url)];
  console.log(
    [
      `Simulated Kigo: ${kigoUrl} with partner_id ${partnerId} and api_key ${apiKeys[0]}`,
      `What it can do: curl -s ${kigoUrl}/__sandbox`,
      `Simulated Kiip: ${kiipUrl} with app_key ${appKey} and app secret ${appSecret}, callbacks to ${callbackUrl}`,
      `What it can do: curl -s ${kiipUrl}/__sandbox`,
    ].join('\n'),
  );
  await stopped;
  return 0;
}

async function serveAll(kigo: KigoSandbox, kiip: KiipSandbox): Promise<number> {
  // The ledger of a demonstration ends with it.
  const dataDir = await mkdtemp(join(tmpdir(), 'rewards-gateway-sandbox-'));
  try {
    const wallet = await onPort(['SANDBOX_WALLET_PORT', 3003], (port) =>
      startWalletSandbox({ port, host, consoleOrigins: CONSOLE_ORIGINS, say: (line) => console.log(line) }),
    );
    try {
      const redis = await startRedis();
      try {
        return await serveGateway({ kigo, kiip, wallet, redis }, dataDir);
      } finally {
        await redis?.close();
      }
    } finally {
      await wallet.close();
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}

/** Without a Redis, the gateway keeps its cache in memory. */
async function startRedis(): Promise<RedisProxy | undefined> {
  const redisUrl = env['SANDBOX_REDIS_URL'];
  if (!redisUrl) return undefined;
  return onPort(['SANDBOX_REDIS_PORT', 3004], (port) =>
    startRedisProxy({ redisUrl, port, host, consoleOrigins: CONSOLE_ORIGINS }),
  );
}

interface Surroundings {
  kigo: KigoSandbox;
  kiip: KiipSandbox;
  wallet: WalletSandbox;
  redis: RedisProxy | undefined;
}

async function serveGateway({ kigo, kiip, wallet, redis }: Surroundings, dataDir: string): Promise<number> {
  const port = await onPort(['PORT', 3000], (wanted) => freePort(wanted, host));
  const url = reachable(originOf(host, port));
  const others = {
    kigo: { url: reachable(kigo.url), settings: kigo.configure({}) },
    // Rewards tell how much they are worth, so the console can show which of them nobody has redeemed.
    kiip: { url: reachable(kiip.url), settings: kiip.configure({ virtualValue: true }) },
    wallet: { url: reachable(wallet.url), secret: wallet.secret },
    ...(redis && { redis: { url: reachable(redis.url), redisUrl: redis.redisUrl } }),
  };
  CONSOLE_ORIGINS.push(url, `http://localhost:${port}`);
  kiip.setCallbackUrl(`${url}/callbacks/kiip`);
  const gateway = startGateway(gatewayEnvironment(env, { host, port, dataDir, ...others }));
  const ended = once(gateway, 'exit') as Promise<[code: number | null, signal: string | null]>;
  process.once('exit', () => gateway.kill('SIGTERM'));

  const ready = await Promise.race([isReady(gateway, url), stopped]);
  if (ready === true) {
    console.log(firstSteps(url, DEMO_API_KEY));
  } else if (ready === false && !hasEnded(gateway)) {
    console.error('The gateway does not become ready.');
    await stopGateway(gateway);
    return 1;
  }
  const end = await Promise.race([stopped, ended]);
  await stopGateway(gateway);
  if (!end) return 0;
  const [code, signal] = end;
  console.error(
    `The gateway has ended by itself: ${signal ?? `exit code ${code}`}. So the sandbox ends too.`,
  );
  return code ?? 1;
}
