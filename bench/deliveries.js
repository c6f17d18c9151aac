// In one run: how long events take to two healthy consumers, alone and beside one that fails. Prints ratios; see docs/architecture.md, "Measurements".
import { fork, spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gatewayEnvironment, median } from './measure.js';
import { freePort, startStorage } from './services.js';

const rounds = 3;
const perSecond = 50;
const warmUp = 100;
const counted = 400;
const graceMs = 60_000;
const secret = 'whsec_YmVuY2gtYmVuY2gtYmVuY2gtYmVuY2g=';
const chunk = Buffer.alloc(16_384, 'x');

/** What an ill consumer does. */
const illnesses = {
  down: undefined,
  'slow (29 s)': (response) => setTimeout(() => response.end(), 29_000).unref(),
  redirecting: (response) => response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end(),
  gone: (response) => response.writeHead(410).end(),
  'asking for time': (response) => response.writeHead(429, { 'retry-after': '1' }).end(),
  'endless after 200': (response) => pour(response.writeHead(200)),
  'endless after 500': (response) => pour(response.writeHead(500)),
};

const [, self, illness] = process.argv;
if (illness === undefined) await compare();
else await beIll(illnesses[illness]);

async function compare() {
  const storage = await startStorage();
  const scenarios = ['alone', ...Object.keys(illnesses)];
  const measured = [];
  try {
    for (let round = 0; round < rounds; round += 1) {
      const figures = {};
      // Each round begins with another one: whatever drifts drifts for all.
      for (let turn = 0; turn < scenarios.length; turn += 1) {
        const name = scenarios[(round + turn) % scenarios.length];
        figures[name] = await run(name, await storage.env());
      }
      measured.push(figures);
    }
  } finally {
    storage.stop();
  }
  const ratios = Object.fromEntries(
    Object.keys(illnesses).map((name) => [
      name,
      Object.fromEntries(
        ['p50', 'p99'].map((figure) => [
          `${figure} / alone`,
          median(measured.map((figures) => figures[name][figure] / figures.alone[figure])),
        ]),
      ),
    ]),
  );
  const file = new URL('results.json', import.meta.url);
  const results = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  results['deliveries beside an ill consumer'] = { storage: storage.name, ...ratios, measured };
  writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`);
  const ms = (figure) => median(measured.map(({ alone }) => alone[figure])).toFixed(1);
  console.log(`\ndeliveries on ${storage.name}, ${perSecond} callbacks a second to two healthy consumers`);
  console.log(
    `alone: p50 ${ms('p50')} ms, p99 ${ms('p99')} ms; beside an ill one, median ratios of ${rounds} rounds:`,
  );
  console.table(
    Object.fromEntries(
      Object.entries(ratios).map(([name, figures]) => [
        name,
        Object.fromEntries(
          Object.entries(figures).map(([figure, ratio]) => [figure, Number(ratio.toFixed(2))]),
        ),
      ]),
    ),
  );
}

/** From the answer to a callback until its event has arrived, at each of the healthy consumers, in milliseconds. */
async function run(name, env) {
  const answered = new Map();
  const arrived = [new Map(), new Map()];
  const healthy = await Promise.all(
    arrived.map((times) =>
      listen((request, response) => {
        times.set(request.headers['webhook-id'], performance.now());
        request.resume().on('end', () => response.end());
      }),
    ),
  );
  const ill = name === 'alone' ? undefined : fork(self, [name]);
  const urls = healthy.map(urlOf);
  if (ill) urls.push((await once(ill, 'message'))[0]);
  const consumers = urls.map((url, index) => ({
    name: `consumer-${index}`,
    url,
    secrets: [secret],
    events: ['kiip.currency.issued'],
  }));
  const gateway = await startGateway({ ...env, DELIVERY_CONSUMERS: JSON.stringify(consumers) });
  try {
    const calls = [];
    for (let count = 0; count < warmUp + counted; count += 1) {
      calls.push(
        sendCallback(gateway.url).then((id) => {
          answered.set(id, performance.now());
          return id;
        }),
      );
      await delay(1_000 / perSecond);
    }
    const ids = (await Promise.all(calls)).slice(warmUp);
    const end = performance.now() + graceMs;
    while (arrived.some((times) => ids.some((id) => !times.has(id)))) {
      if (performance.now() > end) throw new Error(`beside one that is ${name}, events do not arrive`);
      await delay(10);
    }
    // An event may overtake the answer: less than a millisecond counts as one.
    const waits = arrived.flatMap((times) => ids.map((id) => Math.max(1, times.get(id) - answered.get(id))));
    const sorted = waits.toSorted((a, b) => a - b);
    return { p50: sorted[Math.floor(sorted.length * 0.5)], p99: sorted[Math.floor(sorted.length * 0.99)] };
  } finally {
    gateway.process.kill('SIGKILL');
    await once(gateway.process, 'close');
    ill?.kill('SIGKILL');
    for (const server of healthy) {
      server.close();
      server.closeAllConnections();
    }
  }
}

async function beIll(answer) {
  const server = await listen((request, response) => request.resume().on('end', () => answer(response)));
  const url = urlOf(server);
  if (!answer) server.close();
  process.send(url);
}

function pour(response) {
  if (response.destroyed) return;
  response.write(chunk, () => pour(response));
}

async function sendCallback(url) {
  const fields = {
    content: '7f3c2a10-0b1d-4c5e-8a9b-1234567890ab',
    name: 'Coins',
    quantity: 20,
    user_id: 'user-123',
    transaction_id: randomUUID(),
  };
  const signature = createHash('sha1')
    .update(`${Object.values(fields).join('')}bench`)
    .digest('hex');
  const response = await fetch(`${url}/callbacks/kiip`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...fields, signature }),
  });
  const { status, id } = await response.json();
  if (status !== 'recorded') throw new Error(`a callback was answered ${response.status}`);
  return id;
}

async function startGateway(extra) {
  const env = gatewayEnvironment({
    PORT: String(await freePort()),
    RATE_LIMIT_PER_MINUTE: '0',
    LOG_LEVEL: 'warn',
    ...extra,
  });
  const entry = fileURLToPath(new URL('../dist/main.js', import.meta.url));
  const child = spawn(process.execPath, [entry], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const url = `http://127.0.0.1:${env.PORT}`;
  for (let tries = 0; tries < 600; tries += 1) {
    const ready = await fetch(`${url}/health/ready`).catch(() => undefined);
    if (ready?.ok) return { url, process: child };
    await delay(50);
  }
  child.kill('SIGKILL');
  throw new Error('the gateway does not start');
}

async function listen(handler) {
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function urlOf(server) {
  return `http://127.0.0.1:${server.address().port}`;
}
