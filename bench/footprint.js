// What one gateway on PostgreSQL and Redis needs, for the requests and limits in k8s/. First its memory at rest and with full caches,
// side by side with a stock NestJS application on Fastify with the same Redis; then its processor time and memory under load.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import { startKigoSandbox, startKiipSandbox } from '@rewards-gateway/sandbox';
import { cpuSeconds, gatewayEnvironment, mebibytes } from './measure.js';
import { freePort, startRedis, startStorage } from './services.js';

const seconds = 15;
const restMs = 5_000;
/** Without a collection, the memory of a process says how much it has allocated, and little about what it keeps. */
const collectOnSignal = `data:text/javascript,process.on("SIGUSR2",()=>gc({type:"major",flavor:"last-resort"}))`;
/** Each has two entries in the cache of the gateway: more than have room, with ids as long as these. */
const filledUsers = 15_000;
const batchSize = 100;
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

const storage = await startStorage();
const redis = await startRedis();
const kigo = await startKigoSandbox();
const kiip = await startKiipSandbox();
const summaries = await startSummaries();
const children = [];
try {
  kigo.configure({ unknownUser: 'create' });
  const stores = { ...(await storage.env()), REDIS_URL: redis.url };
  const vendors = {
    KIGO_BASE_URL: kigo.url,
    KIGO_PARTNER_ID: 'demo-partner',
    KIGO_API_KEY: 'demo-kigo-key',
    KIIP_BASE_URL: kiip.url,
    KIIP_APP_KEY: 'demo-kiip-app-key',
    KIIP_APP_SECRETS: 'demo-kiip-app-secret',
    RATE_LIMIT_PER_MINUTE: '0',
  };
  const gateway = await start('../dist/main.js', { ...stores, ...vendors });
  const stock = await start('stock-fastify.js', { ...stores, KIGO_BASE_URL: summaries.url });
  await delay(restMs);
  const memory = { 'MiB at rest': compare(gateway, stock) };
  await inParallel(filledUsers / batchSize, (index) => fillGateway(gateway.url, index));
  await inParallel(filledUsers, (index) => get(`${stock.url}/summary?external_user_id=${longUser(index)}`));
  await delay(restMs);
  memory['MiB with full caches'] = compare(gateway, stock);
  for (const { pid } of [gateway, stock]) process.kill(pid, 'SIGUSR2');
  await delay(restMs);
  memory['MiB with full caches, after a collection'] = compare(gateway, stock);
  console.table(memory);

  const rows = {};
  for (const [name, [connections, request]] of Object.entries(kinds)) {
    rows[name] = await figures(gateway, connections, request);
    kigo.clearRequests();
  }
  console.table(rows);
} finally {
  for (const child of children) child.kill();
  await Promise.all([kigo.close(), kiip.close(), ...children.map((child) => child.ended)]);
  summaries.stop();
  redis.stop();
  storage.stop();
}

function compare(gateway, stock) {
  const [own, other] = [mebibytes(gateway.pid), mebibytes(stock.pid)];
  return {
    gateway: Math.round(own),
    stock: Math.round(other),
    ratio: Number((own / other).toFixed(2)),
  };
}

function longUser(index) {
  return String(index).padStart(256, 'u');
}

/** The longest that Kigo may send: 256 characters of two code units each. */
function longAccountId(index) {
  return '\u{1F600}'.repeat(249) + String(index).padStart(7, '0');
}

async function fillGateway(url, batch) {
  const users = Array.from({ length: batchSize }, (_, index) => ({
    external_user_id: longUser(batch * batchSize + index),
    external_program_id: 'p',
  }));
  for (const [index, user] of users.entries())
    kigo.setAccount({ ...user, account_id: longAccountId(batch * batchSize + index) });
  const body = JSON.stringify({ users });
  const { results } = await get(`${url}/api/v1/unviewed-counts`, { method: 'POST', headers, body });
  if (results.some(({ count }) => count === undefined)) throw new Error('a count failed');
  for (const user of users) kigo.removeAccount(user);
  kigo.clearRequests();
}

async function get(url, options) {
  const response = await fetch(url, options);
  if (!response.ok) throw new Error(`${response.status} from ${url}`);
  return response.json();
}

async function inParallel(count, work) {
  const indices = Array.from({ length: count }).keys();
  const workSome = async () => {
    for (const index of indices) await work(index);
  };
  await Promise.all(Array.from({ length: 4 }, workSome));
}

/** What Kigo would send to the stock application, which asks for it in one request. */
async function startSummaries() {
  const summary = { account_id: longAccountId(0), unviewed_products: 3, total_tokens: 3 };
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(summary));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}

/** `cores` is processor time by time gone by; the peak is the highest so far. */
async function figures({ pid, url }, connections, request) {
  const [startedAt, before] = [performance.now(), cpuSeconds(pid)];
  const { requests, non2xx, errors } = await autocannon({
    url,
    connections,
    duration: seconds,
    headers,
    requests: [{ setupRequest: (common) => ({ ...common, ...request() }) }],
  });
  if (non2xx + errors > 0) throw new Error(`${non2xx + errors} requests failed`);
  const gone = (performance.now() - startedAt) / 1000;
  return {
    'requests per second': Math.round(requests.total / gone),
    cores: Number(((cpuSeconds(pid) - before) / gone).toFixed(2)),
    'memory MiB': Math.round(mebibytes(pid)),
    'peak MiB': Math.round(mebibytes(pid, 'VmHWM')),
  };
}

async function start(entry, more) {
  const port = await freePort();
  const env = gatewayEnvironment({ PORT: String(port), ...more });
  const file = fileURLToPath(new URL(entry, import.meta.url));
  const child = spawn(process.execPath, ['--expose-gc', '--import', collectOnSignal, file], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  child.ended = once(child, 'exit');
  children.push(child);
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 1200; tries += 1) {
    const ready = await fetch(`${url}/health/ready`).catch(() => undefined);
    await ready?.body?.cancel();
    if (ready?.ok) return { pid: child.pid, url };
    await delay(50);
  }
  throw new Error(`${entry} does not start`);
}
