// What the workloads work with: the services, the servers that are measured, and how a window is measured.
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformFileSync } from '@swc/core';
import { environment } from './environment.js';
import { cpuSeconds, startServer, stop, watchMachine } from './processes.js';
import { startLoad, startPostgres, startRedis } from './services.js';

export const GATEWAY = '../dist/main.js';
export const NEST = '../build/bench/nest.js';
const WARM_SECONDS = 0.3;
const SECONDS = 1;
/** Code gets faster with the processor time that it has had, of which a busy machine gives little. */
const COMPILED_CPU_SECONDS = 5;
const LONGEST_WARM_UP_MS = 15_000;

/** @param rounds how often each workload measures all its servers in turn */
export async function openWorkbench(rounds) {
  buildNest();
  const folder = mkdtempSync(join(tmpdir(), 'gateway-bench-'));
  const [load, postgres, redis] = await Promise.all([startLoad(), startPostgres(), startRedis()]);
  // What polls would keep a service that is not preferred from its processor.
  const polls = [postgres, redis].every((service) => service?.preferred ?? true);
  const servers = [];
  const leftOut = [];
  let gateways = 0;

  async function startMeasured(program, env) {
    const server = await startServer(program, { ...environment(load.url), ...env });
    servers.push(server.child);
    return server;
  }

  return {
    rounds,
    redis,
    postgres,
    leftOut,
    vendors: { url: load.url, port: load.port },
    start: startMeasured,

    /** With a new database: of PostgreSQL where that is installed, else an embedded one. */
    async startGateway(env) {
      gateways += 1;
      const database = postgres
        ? { DATABASE_URL: await postgres.createDatabase(`gateway_${gateways}`) }
        : { DATA_DIR: join(folder, String(gateways)) };
      const server = await startMeasured(GATEWAY, { ...database, ...env });
      return { ...server, storage: postgres?.pid };
    },

    /** @returns a function that measures a window of such a load: see load.js */
    load(server, { seconds: window, ...job }) {
      const work = (seconds) => load.run({ polls, ...job, port: server.port, seconds });
      return () => measure(server, work, window);
    },

    /** @returns what `load` returns, for a number of clients of pgbench; undefined where that is not installed */
    async preparePgbench() {
      if (!postgres) return undefined;
      const url = await postgres.createDatabase('pgbench');
      await postgres.createIssuances(url);
      return (clients) => () =>
        measure({ storage: postgres.pid }, (seconds) => postgres.insert(url, clients, seconds));
    },

    leaveOut(row, missing) {
      leftOut.push(`${row}: ${missing} is not installed`);
    },

    async stopServers() {
      await Promise.all(servers.splice(0).map((child) => stop(child)));
    },

    async close() {
      await this.stopServers();
      await Promise.all([load.stop(), postgres?.stop(), redis?.stop()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Measures a window of work, with one before it that warms up. @param work takes seconds */
async function measure({ pid, storage }, work, seconds = SECONDS) {
  const warmUntil = performance.now() + LONGEST_WARM_UP_MS;
  do await work(WARM_SECONDS);
  while (cpuSeconds(pid) < COMPILED_CPU_SECONDS && performance.now() < warmUntil);
  const others = watchMachine();
  const before = [pid, storage].map(cpuSeconds);
  const result = await work(seconds);
  const [cpuMicros, postgresMicros] = [pid, storage].map(
    (one, index) => ((cpuSeconds(one) - before[index]) * 1_000_000) / result.requests,
  );
  return { ...result, cpuMicros, postgresMicros, ...others() };
}

/** Not by the type stripping of Node.js, which has no decorators. */
function buildNest() {
  const { code } = transformFileSync(fileURLToPath(new URL('peers/nest.ts', import.meta.url)), {
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
    },
  });
  const folder = new URL('../build/bench/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL('nest.js', folder), code);
}

/**
 * Measures all in turn, in each round. Each round begins with another one: whatever drifts drifts for all.
 * @param uncounted rounds before the first one, in which files are read from the disk
 */
export async function interleave({ rounds }, measures, uncounted = 1) {
  const names = Object.keys(measures);
  const figures = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = -uncounted; round < rounds; round += 1) {
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(turn + round + uncounted) % names.length];
      const measured = await measures[name]();
      if (round >= 0) figures[name].push(measured);
    }
  }
  return figures;
}
