// What one gateway needs, for the requests and limits in k8s/: memory and processor time at rest and under load.
// Uses the Redis and PostgreSQL that REDIS_URL and DATABASE_URL name; without them memory and the embedded database.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import { startKigoSandbox, startKiipSandbox } from '@rewards-gateway/sandbox';
import { cpuSeconds, mebibytes } from './measure.js';
import { freePort } from './services.js';

const seconds = 15;
const headers = { authorization: 'Bearer bench-key', 'content-type': 'application/json' };
const badge = (user) => ({
  path: `/api/user/unviewed-count?external_user_id=${user}&external_program_id=p`,
});
const moment = (userid) => ({
  path: '/api/v1/kiip/moments',
  method: 'POST',
  body: JSON.stringify({
    app: { version: '1.0' },
    connection: { ip: '203.0.113.7' },
    device: {
      id: 'd',
      lang: 'en',
      locale: 'en_US',
      manufacturer: 'm',
      model: 'm',
      os: 'iOS 17',
      resolution: '1x1',
    },
    user: { userid },
    moment: { id: 'level-1-done' },
  }),
});
let next = 0;
const kinds = {
  'cached badges, 64 connections': [64, () => badge('one')],
  'cold badges, 16 connections': [16, () => badge(`cold-${(next += 1)}`)],
  'moments, 16 connections': [16, () => moment(`user-${(next += 1)}`)],
};

const dataDir = mkdtempSync(join(tmpdir(), 'footprint-'));
const kigo = await startKigoSandbox();
const kiip = await startKiipSandbox();
kigo.configure({ unknownUser: 'create' });
const { child, url } = await start();
try {
  const rows = { 'at rest': await figures(() => delay(5_000)) };
  for (const [name, [connections, request]] of Object.entries(kinds)) {
    rows[name] = await figures(() => load(connections, request));
    kigo.clearRequests();
  }
  console.table(rows);
} finally {
  child.kill();
  await Promise.all([kigo.close(), kiip.close()]);
  rmSync(dataDir, { recursive: true, force: true });
}

async function load(connections, request) {
  const { requests, non2xx, errors } = await autocannon({
    url,
    connections,
    duration: seconds,
    headers,
    requests: [{ setupRequest: (common) => ({ ...common, ...request() }) }],
  });
  if (non2xx + errors > 0) throw new Error(`${non2xx + errors} requests failed`);
  return requests.total;
}

/** `cores` is processor time by time gone by; the peak is the highest so far. */
async function figures(work) {
  const [startedAt, before] = [performance.now(), cpuSeconds(child.pid)];
  const requests = await work();
  const gone = (performance.now() - startedAt) / 1000;
  return {
    'requests per second': Math.round((requests ?? 0) / gone),
    cores: Number(((cpuSeconds(child.pid) - before) / gone).toFixed(2)),
    'memory MiB': Math.round(mebibytes(child.pid)),
    'peak MiB': Math.round(mebibytes(child.pid, 'VmHWM')),
  };
}

async function start() {
  const port = await freePort();
  const env = {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    PORT: String(port),
    HOST: '127.0.0.1',
    KIGO_BASE_URL: kigo.url,
    KIGO_PARTNER_ID: 'demo-partner',
    KIGO_API_KEY: 'demo-kigo-key',
    KIIP_BASE_URL: kiip.url,
    KIIP_APP_KEY: 'demo-kiip-app-key',
    KIIP_APP_SECRETS: 'demo-kiip-app-secret',
    API_KEYS: 'bench:bench-key',
    RATE_LIMIT_PER_MINUTE: '0',
    REDIS_URL: process.env.REDIS_URL,
    DATABASE_URL: process.env.DATABASE_URL,
    DATA_DIR: dataDir,
  };
  const entry = fileURLToPath(new URL('../dist/main.js', import.meta.url));
  const child = spawn(process.execPath, [entry], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 1200; tries += 1) {
    const ready = await fetch(`${url}/health/ready`).catch(() => undefined);
    if (ready?.ok) return { child, url };
    await delay(50);
  }
  child.kill();
  throw new Error('the gateway does not start');
}
