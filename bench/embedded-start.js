// How long the gateway takes to be ready on the embedded PostgreSQL, for all of its processes together: on an empty folder, and
// again on the same one. Linux only.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { environment } from './environment.js';
import { cpuSeconds, mebibytes, median, start, stop } from './processes.js';

const ROUNDS = 5;
const rounds = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const dataDir = mkdtempSync(join(tmpdir(), 'embedded-start-'));
  rounds.push({ first: await measure(dataDir), later: await measure(dataDir) });
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

/** Processor time and memory are those of the gateway and all of its descendants; memory that they share counts once. */
async function measure(dataDir) {
  const startedAt = performance.now();
  const child = start(process.execPath, [fileURLToPath(new URL('../dist/main.js', import.meta.url))], {
    env: { ...environment(), PORT: '0', DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output = { ready: false };
  child.stdout.setEncoding('utf8').on('data', (text) => (output.ready ||= text.includes('"database ready"')));
  let peakMiB = 0;
  while (!output.ready) {
    if (child.exitCode !== null) throw new Error(`the gateway ended with ${child.exitCode}`);
    peakMiB = Math.max(peakMiB, mebibytes(child.pid, 'Pss'));
    await delay(50);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const memoryMiB = mebibytes(child.pid, 'Pss');
  const figures = {
    'seconds to ready': seconds,
    'processor seconds': cpuSeconds(child.pid),
    'memory MiB': memoryMiB,
    'peak MiB': Math.max(peakMiB, memoryMiB),
  };
  await stop(child);
  return figures;
}
