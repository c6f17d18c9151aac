// Side by side, in one run: the gateway against what a user would write with stock NestJS. Prints ratios; see docs/architecture.md, "Measurements".
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import { startKigoSandbox } from '@rewards-gateway/sandbox';
import { cpuSeconds, mebibytes, median } from './measure.js';
import { freePort } from './services.js';

const rounds = 5;
const seconds = 3;
const path = (user) => `/api/user/unviewed-count?external_user_id=${user}&external_program_id=p`;
const headers = { authorization: 'Bearer bench-key' };

const kigo = await startKigoSandbox();
kigo.configure({ unknownUser: 'create' });
const stockEntry = fileURLToPath(new URL('stock-server.js', import.meta.url));
const bare = await start('bare', stockEntry);
const guarded = await start('guarded', stockEntry, { STOCK: 'guarded' });
const gateway = await start('gateway', fileURLToPath(new URL('../dist/main.js', import.meta.url)));

const scenarios = {
  'cached badge, 32 connections': (server) => load(server, 32, () => path('one')),
  'cold badge, 8 connections': (server) => load(server, 8, () => path(`cold-${(next += 1)}`)),
};
let next = 0;
const results = {};
try {
  for (const [name, run] of Object.entries(scenarios)) {
    const servers = [bare, guarded, gateway];
    for (const server of servers) await run(server);
    const measured = [];
    for (let round = 0; round < rounds; round += 1) {
      const figures = {};
      // Each round begins with another server: whatever drifts drifts for all.
      for (let turn = 0; turn < servers.length; turn += 1) {
        const server = servers[(round + turn) % servers.length];
        figures[server.name] = await run(server);
      }
      measured.push(figures);
      kigo.clearRequests();
    }
    const ratios = (against) =>
      Object.fromEntries(
        Object.keys(measured[0].gateway).map((figure) => [
          figure,
          median(measured.map((figures) => figures.gateway[figure] / figures[against][figure])),
        ]),
      );
    results[name] = {
      'gateway / bare stock': ratios('bare'),
      'gateway / guarded stock': ratios('guarded'),
      measured,
    };
  }
} finally {
  for (const server of [bare, guarded, gateway]) server.process.kill();
  await kigo.close();
}
writeFileSync(new URL('results.json', import.meta.url), `${JSON.stringify(results, undefined, 2)}\n`);
for (const [name, { measured: _, ...comparisons }] of Object.entries(results)) {
  console.log(`\n${name}: median ratios of ${rounds} rounds`);
  console.table(
    Object.fromEntries(
      Object.entries(comparisons).map(([against, ratios]) => [
        against,
        Object.fromEntries(
          Object.entries(ratios).map(([figure, ratio]) => [figure, Number(ratio.toFixed(2))]),
        ),
      ]),
    ),
  );
}

async function load({ url, process: { pid } }, connections, nextPath) {
  const before = cpuSeconds(pid);
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    headers,
    requests: [{ setupRequest: (request) => ({ ...request, path: nextPath() }) }],
  });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${result.non2xx + result.errors} requests failed`);
  const total = result.requests.total;
  return {
    'requests per second': total / result.duration,
    'CPU per request': ((cpuSeconds(pid) - before) * 1_000_000) / total,
    // The load generator tells whole milliseconds: less than one counts as one.
    'p99 latency': Math.max(1, result.latency.p99),
    memory: mebibytes(pid),
  };
}

async function start(name, entry, extra = {}) {
  const port = await freePort();
  const env = {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    PORT: String(port),
    HOST: '127.0.0.1',
    KIGO_BASE_URL: kigo.url,
    KIGO_PARTNER_ID: 'demo-partner',
    KIGO_API_KEY: 'demo-kigo-key',
    KIIP_BASE_URL: 'http://127.0.0.1:9',
    KIIP_APP_KEY: 'bench',
    KIIP_APP_SECRETS: 'bench',
    API_KEYS: 'bench:bench-key',
    RATE_LIMIT_PER_MINUTE: '0',
    LOG_LEVEL: 'info',
    ...extra,
  };
  const child = spawn(process.execPath, [entry], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 200; tries += 1) {
    if (
      await fetch(url + path('one'), { headers }).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return { name, url, process: child };
    await delay(50);
  }
  throw new Error(`${name} does not start`);
}
