// What one gateway needs, for the requests and limits in k8s/: memory and processor time at rest and under load.
// Uses the Redis and PostgreSQL that REDIS_URL and DATABASE_URL name; without them memory and the embedded database, which
// counts as part of the gateway.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { environment } from './environment.js';
import { cpuSeconds, mebibytes, startServer, stop } from './processes.js';
import { startLoad } from './services.js';

const seconds = 15;
const jobs = {
  'cached counts, 64 connections': { kind: 'count', connections: 64 },
  'cold counts, 16 connections': { kind: 'cold count', connections: 16 },
  'moments, 16 connections': { kind: 'first moment', connections: 16 },
};

const { REDIS_URL, DATABASE_URL } = process.env;
const dataDir = mkdtempSync(join(tmpdir(), 'footprint-'));
const load = await startLoad();
const env = { ...environment(load.url), REDIS_URL, DATABASE_URL, DATA_DIR: dataDir };
const gateway = await startServer('../dist/main.js', env);
try {
  const rows = { 'at rest': await figures(() => delay(5_000, { requests: 0 })) };
  for (const [name, job] of Object.entries(jobs))
    rows[name] = await figures(() => load.run({ ...job, port: gateway.port, seconds }));
  console.table(rows);
} finally {
  await Promise.all([stop(gateway.child), load.stop()]);
  rmSync(dataDir, { recursive: true, force: true });
}

/** `cores` is processor time by time gone by; the peak is the highest so far. */
async function figures(work) {
  const [startedAt, before] = [performance.now(), cpuSeconds(gateway.pid)];
  const { requests } = await work();
  const gone = (performance.now() - startedAt) / 1000;
  return {
    'requests per second': Math.round(requests / gone),
    cores: Number(((cpuSeconds(gateway.pid) - before) / gone).toFixed(2)),
    'memory MiB': Math.round(mebibytes(gateway.pid)),
    'peak MiB': Math.round(mebibytes(gateway.pid, 'VmHWM')),
  };
}
