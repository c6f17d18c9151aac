// In one run: how long events take to two healthy consumers, alone and beside one that fails. Prints ratios; see
// docs/architecture.md, "Measurements".
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { CONSUMER_SECRET, signedCallback } from './environment.js';
import { median } from './processes.js';
import { interleave, openWorkbench } from './workbench.js';

const rounds = 3;
const perSecond = 50;
const warmUp = 100;
const counted = 400;
const graceMs = 60_000;
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
  const bench = await openWorkbench(rounds);
  const measures = Object.fromEntries(
    ['alone', ...Object.keys(illnesses)].map((name) => [name, () => run(bench, name)]),
  );
  const { alone, ...others } = await interleave(bench, measures, 0);
  await bench.close();
  const ratio = (figures, figure) =>
    Number(median(figures.map((one, round) => one[figure] / alone[round][figure])).toFixed(2));
  const ms = (figure) => median(alone.map((one) => one[figure])).toFixed(1);
  console.log(`\n${perSecond} callbacks a second to two healthy consumers`);
  console.log(
    `alone: p50 ${ms('p50')} ms, p99 ${ms('p99')} ms; beside an ill one, median ratios of ${rounds} rounds:`,
  );
  console.table(
    Object.fromEntries(
      Object.entries(others).map(([name, figures]) => [
        name,
        { p50: ratio(figures, 'p50'), p99: ratio(figures, 'p99') },
      ]),
    ),
  );
}

/** From the answer to a callback until its event has arrived, at each of the healthy consumers, in milliseconds. */
async function run(bench, name) {
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
    secrets: [CONSUMER_SECRET],
    events: ['kiip.currency.issued'],
  }));
  const gateway = await bench.startGateway({ DELIVERY_CONSUMERS: JSON.stringify(consumers) });
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
    await bench.stopServers();
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
  const response = await fetch(`${url}/callbacks/kiip`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: signedCallback(),
  });
  const { status, id } = await response.json();
  if (status !== 'recorded') throw new Error(`a callback was answered ${response.status}`);
  return id;
}

async function listen(handler) {
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function urlOf(server) {
  return `http://127.0.0.1:${server.address().port}`;
}
