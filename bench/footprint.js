// `npm run footprint`: what one gateway on PostgreSQL and Redis needs, for the requests and limits in k8s/. First its memory at rest
// and with full caches, side by side with a stock NestJS application on Fastify with Redis; then its processor time and memory
// under load.
import { once } from 'node:events';
import { createServer } from 'node:http';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { API_KEY } from './environment.js';
import { mebibytes } from './processes.js';
import { NEST, openWorkbench } from './workbench.js';

const seconds = 15;
const restMs = 5_000;
/** Each has two entries in the cache of the gateway: more than have room, with ids as long as these. */
const filledUsers = 15_000;
const batchSize = 100;
const longestId = 256;
/** Without a collection, the memory of a process says how much it has allocated, and little about what it keeps. */
const collectOnSignal = `data:text/javascript,process.on('SIGUSR2',()=>gc({type:'major',flavor:'last-resort'}))`;
const NODE_OPTIONS = `--expose-gc --import=${collectOnSignal}`;
const headers = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' };
const jobs = {
  'cached badges, 64 connections': { kind: 'count', connections: 64 },
  'cold badges, 16 connections': { kind: 'cold count', connections: 16 },
  'moments, 16 connections': { kind: 'first moment', connections: 16 },
};

const bench = await openWorkbench(1);
const kigo = createServer(answerAsKigo);
try {
  if (!bench.postgres || !bench.redis) throw new Error('footprint needs an installed PostgreSQL and Redis');
  await once(kigo.listen(0, '127.0.0.1'), 'listening');
  const env = { KIGO_BASE_URL: `http://127.0.0.1:${kigo.address().port}`, NODE_OPTIONS };
  const gateway = await bench.startGateway({ ...env, REDIS_URL: `${bench.redis.url}/1` });
  const stock = await bench.start(NEST, { ...env, REDIS_URL: `${bench.redis.url}/2` });
  await delay(restMs);
  const memory = { 'MiB at rest': compare(gateway, stock) };
  await inParallel(filledUsers / batchSize, (batch) => fillGateway(gateway.url, batch));
  await inParallel(filledUsers, (index) => get(`${stock.url}/api/user/unviewed-count?${queryOf(index)}`));
  await delay(restMs);
  memory['MiB with full caches'] = compare(gateway, stock);
  for (const { pid } of [gateway, stock]) process.kill(pid, 'SIGUSR2');
  await delay(restMs);
  memory['MiB with full caches, after a collection'] = compare(gateway, stock);
  console.table(memory);

  const rows = {};
  for (const [name, job] of Object.entries(jobs)) rows[name] = await figures(gateway, job);
  console.table(rows);
} finally {
  await bench.close();
  kigo.close();
  kigo.closeAllConnections();
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
  return String(index).padStart(longestId, 'u');
}

function queryOf(index) {
  return `external_user_id=${longUser(index)}&external_program_id=p`;
}

async function fillGateway(url, batch) {
  const users = Array.from({ length: batchSize }, (_, index) => ({
    external_user_id: longUser(batch * batchSize + index),
    external_program_id: 'p',
  }));
  const body = JSON.stringify({ users });
  const { results } = await get(`${url}/api/v1/unviewed-counts`, { method: 'POST', headers, body });
  if (results.some(({ count }) => count === undefined)) throw new Error('a count failed');
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

/** As vendors.js, but each user has an account of its own. */
function answerAsKigo(request, response) {
  const { pathname, searchParams } = new URL(request.url, 'http://kigo');
  const answers = {
    '/api/v1/auth/sessions': () => ({ token: 'token-of-a-partner' }),
    '/api/v1/accounts': () => ({ account_id: accountOf(searchParams.get('external_user_id')) }),
  };
  const answer = answers[pathname] ?? (() => ({ unviewed_products: 12, total_tokens: 40 }));
  request.resume().on('end', () => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer()));
  });
}

/** For the longest user ids the longest that Kigo may send: 256 characters, most of two code units each. */
function accountOf(user) {
  return user.length < longestId ? `account-of-${user}` : '\u{1F600}'.repeat(249) + user.slice(-7);
}

/** `cores` is processor time by time gone by; the peak is the highest so far. */
async function figures(gateway, job) {
  // Callers that never sleep would keep Kigo from its processor.
  const measure = bench.load(gateway, { ...job, seconds, polls: false });
  const { requests, seconds: gone, cpuMicros } = await measure();
  return {
    'requests per second': Math.round(requests / gone),
    cores: Number(((cpuMicros * requests) / gone / 1_000_000).toFixed(2)),
    'memory MiB': Math.round(mebibytes(gateway.pid)),
    'peak MiB': Math.round(mebibytes(gateway.pid, 'VmHWM')),
  };
}
