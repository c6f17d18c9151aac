// What `npm run bench` measures. A workload returns rows: what each is called, the figures of the gateway and of its peer in each
// round, and which of the figures it is about.
import { setTimeout as delay } from 'node:timers/promises';
import { CONSUMER_SECRET } from './environment.js';
import { cpuSeconds, mebibytes, stop, watchMachine } from './processes.js';
import { GATEWAY, NEST, interleave } from './workbench.js';

const FASTIFY = 'peers/fastify.js';
const PROXY = 'peers/http-proxy.js';
const REST_MS = 5_000;

export const WORKLOADS = {
  W1: serveWarmCounts,
  W2: sendMoments,
  W3: recordCallbacks,
  W4: startAndRest,
  W6: addLatency,
};

async function serveWarmCounts(bench) {
  const load = (server) => bench.load(server, { kind: 'count', connections: 32 });
  const measures = {
    gateway: load(await bench.startGateway()),
    fastify: load(await bench.start(FASTIFY)),
    ...(bench.redis && {
      shared: load(await bench.startGateway({ REDIS_URL: `${bench.redis.url}/1` })),
      nest: load(await bench.start(NEST, { REDIS_URL: `${bench.redis.url}/2` })),
    }),
  };
  const { gateway, fastify, shared, nest } = await interleave(bench, measures);
  const rows = [['W1 warm count ÷ hand-written Fastify with a Map', gateway, fastify]];
  if (nest) rows.unshift(['W1 warm count, Redis configured ÷ stock Nest + Fastify + Redis', shared, nest]);
  else bench.leaveOut('W1 ÷ stock Nest + Fastify + Redis', 'Redis');
  return rows;
}

async function sendMoments(bench) {
  const load = (server) => bench.load(server, { kind: 'moment', connections: 32 });
  const { gateway, proxy, nest } = await interleave(bench, {
    gateway: load(await bench.startGateway()),
    proxy: load(await bench.start(PROXY)),
    nest: load(await bench.start(NEST)),
  });
  return [
    ['W2 moment ÷ @fastify/http-proxy', gateway, proxy],
    ['W2 moment ÷ stock Nest + Fastify + axios', gateway, nest],
  ];
}

async function recordCallbacks(bench) {
  const consumer = { name: 'bench', url: bench.vendors.url, secrets: [CONSUMER_SECRET] };
  const consumers = JSON.stringify([{ ...consumer, events: ['kiip.currency.issued'] }]);
  const gateway = await bench.startGateway();
  const delivering = await bench.startGateway({ DELIVERY_CONSUMERS: consumers });
  const insert = await bench.preparePgbench();
  const load = (server, connections) => {
    const measure = bench.load(server, { kind: 'callback', connections, polls: false });
    return async () => {
      const figures = await measure();
      // What is left to deliver would take from the next one.
      await untilIdle(server);
      return figures;
    };
  };
  const rows = [];
  for (const inFlight of [1, 32, 128]) {
    const figures = await interleave(bench, {
      gateway: load(gateway, inFlight),
      ...(inFlight === 32 && { delivering: load(delivering, inFlight) }),
      ...(insert && { pgbench: insert(inFlight) }),
      // PostgreSQL does more for fewer clients.
      ...(insert && inFlight > 32 && { fewer: insert(32) }),
    });
    const { pgbench, fewer = pgbench } = figures;
    const best = pgbench?.map((one, round) => (rate(one) > rate(fewer[round]) ? one : fewer[round]));
    if (best) rows.push([`W3 callbacks, ${inFlight} in flight ÷ pgbench`, figures.gateway, best]);
    else bench.leaveOut(`W3, ${inFlight} in flight ÷ pgbench`, 'PostgreSQL');
    if (figures.delivering)
      rows.push(['W3 callbacks with one consumer ÷ without', figures.delivering, figures.gateway]);
  }
  return rows;
}

async function startAndRest(bench) {
  if (!bench.redis || !bench.postgres) {
    bench.leaveOut('W4', bench.redis ? 'PostgreSQL' : 'Redis');
    return [];
  }
  const DATABASE_URL = await bench.postgres.createDatabase('starts');
  const { gateway, nest } = await interleave(bench, {
    gateway: measureStart(() => bench.start(GATEWAY, { DATABASE_URL, REDIS_URL: `${bench.redis.url}/3` })),
    nest: measureStart(() => bench.start(NEST, { REDIS_URL: `${bench.redis.url}/4` })),
  });
  return [
    ['W4 processor time of a start ÷ stock Nest + Fastify + Redis', gateway, nest, 'startCpu'],
    ['W4 memory at rest ÷ the same', gateway, nest, 'memory'],
  ];
}

function measureStart(start) {
  return async () => {
    const others = watchMachine();
    const { child, pid, readyMs } = await start();
    const figures = { readyMs, cpuMs: cpuSeconds(pid) * 1000, ...others() };
    await delay(REST_MS);
    figures.mebibytes = mebibytes(pid);
    await stop(child);
    return figures;
  };
}

async function addLatency(bench) {
  const job = { perSecond: 200, connections: 64, upstreamMs: 5 };
  const { gateway, direct } = await interleave(bench, {
    gateway: bench.load(await bench.startGateway(), { kind: 'moment', ...job }),
    direct: bench.load(bench.vendors, { kind: 'moment without a gateway', ...job }),
  });
  return [['W6 added to a moment at 200 a second, p50', gateway, direct, 'latency']];
}

async function untilIdle({ pid }) {
  for (let tries = 0; tries < 50; tries += 1) {
    const before = cpuSeconds(pid);
    await delay(200);
    if (!(cpuSeconds(pid) - before > 0.02)) return;
  }
}

function rate({ requests, seconds }) {
  return requests / seconds;
}
