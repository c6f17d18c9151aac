// How long the gateway takes to be ready on the embedded PostgreSQL, for all of its processes together: on an empty folder, and
// again on the same one. Linux only.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gatewayEnvironment, median } from './measure.js';

const ROUNDS = 5;
const rounds = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const dataDir = mkdtempSync(join(tmpdir(), 'embedded-start-'));
  rounds.push({ first: await start(dataDir), later: await start(dataDir) });
  rmSync(dataDir, { recursive: true });
}
const medians = (name) =>
  Object.fromEntries(
    Object.keys(rounds[0][name]).map((figure) => [
      figure,
      Number(median(rounds.map((round) => round[name][figure])).toFixed(2)),
    ]),
  );
console.log(`\nstarts on the embedded PostgreSQL: medians of ${ROUNDS} rounds`);
console.table({ 'an empty folder': medians('first'), 'the same folder again': medians('later') });

/** Processor time and memory are those of the gateway and all of its descendants. */
async function start(dataDir) {
  const env = gatewayEnvironment({ PORT: '0', DATA_DIR: dataDir });
  const startedAt = performance.now();
  const child = spawn(process.execPath, [fileURLToPath(new URL('../dist/main.js', import.meta.url))], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output = { ready: false };
  child.stdout.setEncoding('utf8').on('data', (text) => (output.ready ||= text.includes('"database ready"')));
  let peakMiB = 0;
  while (!output.ready) {
    if (child.exitCode !== null) throw new Error(`the gateway ended with ${child.exitCode}`);
    peakMiB = Math.max(peakMiB, usage(child.pid).memoryMiB);
    await delay(50);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const { cpuSeconds, memoryMiB } = usage(child.pid);
  child.kill('SIGTERM');
  await new Promise((resolve) => child.once('exit', resolve));
  return {
    'seconds to ready': seconds,
    'processor seconds': cpuSeconds,
    'memory MiB': memoryMiB,
    'peak MiB': Math.max(peakMiB, memoryMiB),
  };
}

/** From the kernel's own account: 100 ticks a second, of ended children too; memory that processes share counts once. */
function usage(pid) {
  const stats = new Map(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => {
        const text = read(`/proc/${name}/stat`);
        const [, parent, ...fields] = text.slice(text.lastIndexOf(')') + 2).split(' ');
        return text === '' ? [] : [[name, { parent, ticks: fields.slice(9, 13) }]];
      }),
  );
  let ticks = 0;
  let kibibytes = 0;
  for (const [name, one] of stats) {
    if (!descends(name, String(pid), stats)) continue;
    ticks += one.ticks.reduce((sum, count) => sum + Number(count), 0);
    kibibytes += Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${name}/smaps_rollup`))?.[1] ?? 0);
  }
  return { cpuSeconds: ticks / 100, memoryMiB: kibibytes / 1024 };
}

function descends(name, ancestor, stats) {
  for (let one = name; one !== undefined; one = stats.get(one)?.parent) if (one === ancestor) return true;
  return false;
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The process has ended.
    return '';
  }
}
