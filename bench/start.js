// Side by side, in one run: what a start of the gateway on PostgreSQL and Redis takes, against a stock NestJS application on
// Fastify with the same Redis. Prints ratios, and adds them to results.json; see docs/architecture.md, "Measurements".
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { cpuSeconds, gatewayEnvironment, mebibytes, median } from './measure.js';
import { freePort, startRedis, startStorage } from './services.js';

const rounds = 7;
const restMs = 5_000;
const programs = { gateway: '../dist/main.js', stock: 'stock-fastify.js' };

const storage = await startStorage();
const redis = await startRedis();
const measured = [];
try {
  const stores = { ...(await storage.env()), REDIS_URL: redis.url };
  // The first one creates the tables, and reads all files from the disk.
  for (const name of Object.keys(programs)) await start(name, stores);
  for (let round = 0; round < rounds; round += 1) {
    const figures = {};
    const names = Object.keys(programs);
    // Each round begins with another one: whatever drifts drifts for both.
    for (const name of round % 2 === 0 ? names : names.toReversed())
      figures[name] = await start(name, stores);
    measured.push(figures);
  }
} finally {
  redis.stop();
  storage.stop();
}

const table = Object.fromEntries(
  Object.keys(measured[0].gateway).map((figure) => [
    figure,
    {
      gateway: Math.round(median(measured.map(({ gateway }) => gateway[figure]))),
      stock: Math.round(median(measured.map(({ stock }) => stock[figure]))),
      ratio: Number(median(measured.map(({ gateway, stock }) => gateway[figure] / stock[figure])).toFixed(2)),
    },
  ]),
);
const file = new URL('results.json', import.meta.url);
const others = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
writeFileSync(file, `${JSON.stringify({ ...others, start: { table, measured } }, undefined, 2)}\n`);
console.log(`\nA start on ${storage.name} and Redis: medians of ${rounds} rounds`);
console.table(table);

/** Starts a program, waits until it is ready and then has been at rest, and ends it. */
async function start(name, stores) {
  const port = await freePort();
  const env = gatewayEnvironment({ PORT: String(port), ...stores });
  const startedAt = performance.now();
  const entry = fileURLToPath(new URL(programs[name], import.meta.url));
  const child = spawn(process.execPath, [entry], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = once(child, 'exit');
  try {
    for (let tries = 0; ; tries += 1) {
      const ready = await fetch(`http://127.0.0.1:${port}/health/ready`).catch(() => undefined);
      await ready?.body?.cancel();
      if (ready?.ok) break;
      if (tries === 3_000 || child.exitCode !== null) throw new Error(`${name} does not start`);
      await delay(10);
    }
    const figures = {
      'ms until ready': performance.now() - startedAt,
      'ms of processor': cpuSeconds(child.pid) * 1000,
    };
    await delay(restMs);
    return { ...figures, 'MiB at rest': mebibytes(child.pid) };
  } finally {
    child.kill();
    await ended;
  }
}
