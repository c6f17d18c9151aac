// `npm run bench -- [--rounds 5] [--only W1,W2]`: the gateway side by side with what one would use instead, in one run. Prints a
// table, and writes it with all that it is made of to results.json; see docs/architecture.md, "Measurements".
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { median } from './processes.js';
import { openWorkbench } from './workbench.js';
import { WORKLOADS } from './workloads.js';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: Object.keys(WORKLOADS).join() },
  },
});
const divide = (ours, theirs) => ours / theirs;
/** What a row may be about. */
const FIGURES = {
  perSecond: { unit: '/s', digits: 0, of: ({ requests, seconds }) => requests / seconds, compare: divide },
  startCpu: { unit: ' ms', digits: 0, of: ({ cpuMs }) => cpuMs, compare: divide },
  memory: { unit: ' MiB', digits: 0, of: ({ mebibytes }) => mebibytes, compare: divide },
  latency: { unit: ' ms', digits: 2, of: ({ p50 }) => p50, compare: (ours, theirs) => ours - theirs },
};

const startedAt = performance.now();
const bench = await openWorkbench(Number(options.rounds));
const rows = [];
try {
  for (const name of options.only.split(',')) {
    console.error(`${name} …`);
    try {
      rows.push(...(await WORKLOADS[name](bench)).map(summarize));
    } catch (error) {
      console.error(error);
      bench.leftOut.push(`${name}: ${error.message}`);
      process.exitCode = 1;
    }
    await bench.stopServers();
  }
} finally {
  await bench.close();
}
const [cpu] = cpus();
const about = {
  date: new Date().toISOString(),
  commit: spawnSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).stdout?.trim(),
  node: process.version,
  postgresql: bench.postgres?.version ?? 'the embedded one',
  processors: `${cpus().length} × ${cpu.model}`,
  rounds: bench.rounds,
  seconds: Math.round((performance.now() - startedAt) / 1000),
  leftOut: bench.leftOut,
};
console.log(about);
console.table(Object.fromEntries(rows.map((row) => [row.row, shown(row)])));
for (const row of bench.leftOut) console.error(`LEFT OUT: ${row}`);
const file = new URL('results.json', import.meta.url);
writeFileSync(file, `${JSON.stringify({ ...about, rows }, undefined, 2)}\n`);

function summarize([row, gateway, peer, figure = 'perSecond']) {
  const { of, compare } = FIGURES[figure];
  const compared = gateway.map((one, round) => compare(of(one), of(peer[round])));
  const all = [...gateway, ...peer];
  return {
    row,
    figure,
    median: median(compared),
    range: [Math.min(...compared), Math.max(...compared)],
    gateway: median(gateway.map(of)),
    peer: median(peer.map(of)),
    // Of the gateway and of its peer, for a request: their own, and what PostgreSQL needs for them.
    cpuMicros: [gateway, peer].map((figures) => median(figures.map(({ cpuMicros }) => cpuMicros))),
    postgresMicros: [gateway, peer].map((figures) => median(figures.map((one) => one.postgresMicros))),
    others: median(all.map(({ others }) => others)),
    steal: median(all.map(({ steal }) => steal)),
    measured: { gateway, peer },
  };
}

function shown(row) {
  const { unit, digits } = FIGURES[row.figure];
  const figure = (value) => `${value.toFixed(digits)}${unit}`;
  const compared = (value) => value.toFixed(2) + (row.figure === 'latency' ? unit : '');
  return {
    median: compared(row.median),
    range: row.range.map(compared).join(' to '),
    gateway: figure(row.gateway),
    peer: figure(row.peer),
    'CPU µs/request': row.cpuMicros.map(rounded).join(' / '),
    'of PostgreSQL': row.postgresMicros.map(rounded).join(' / '),
    'busy: others %': rounded(row.others * 100),
    'steal %': rounded(row.steal * 100),
  };
}

/** What this machine or this row does not tell is a dash. */
function rounded(value) {
  return Number.isFinite(value) ? value.toFixed(0) : '–';
}
