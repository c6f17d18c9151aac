// Processes that the benchmarks start, and what the kernel says of them. Only Linux says it: elsewhere figures are NaN.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus } from 'node:os';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const SERVER = '0';
const OTHERS = '1';
const canPin = spawnSync('taskset', ['-c', `${SERVER},${OTHERS}`, 'true']).status === 0;
const running = new Set();
process.once('exit', () => {
  for (const child of running) child.kill('SIGQUIT');
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

/** What is `measured` has a processor to itself, where there are two; all else shares another one. */
export function start(command, args, { measured = false, ...options }) {
  const pinned = canPin ? ['taskset', '-c', measured ? SERVER : OTHERS, command] : [command];
  const child = spawn(pinned[0], [...pinned.slice(1), ...args], options);
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Makes a service run as soon as it has work, although what it shares a processor with never sleeps. @returns false if this user may not */
export function prefer({ pid }) {
  return spawnSync('chrt', ['-r', '-p', '10', String(pid)]).status === 0;
}

export async function stop(child, signal = 'SIGTERM') {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'close');
}

/** Starts a program of the bench or the gateway. @returns when it is ready */
export async function startServer(program, env) {
  const port = await freePort();
  const startedAt = performance.now();
  const child = start(process.execPath, [fileURLToPath(new URL(program, import.meta.url))], {
    measured: true,
    env: { ...env, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const url = `http://127.0.0.1:${port}`;
  while (performance.now() - startedAt < 60_000 && child.exitCode === null) {
    const ready = await fetch(`${url}/health/ready`).catch(() => undefined);
    await ready?.body?.cancel();
    if (ready?.ok) return { child, pid: child.pid, port, url, readyMs: performance.now() - startedAt };
    await delay(10);
  }
  await stop(child, 'SIGKILL');
  throw new Error(`${program} does not start`);
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

/** User and system time of a process and its descendants so far, ended ones too; the kernel counts 100 ticks a second. */
export function cpuSeconds(pid) {
  const ticks = family(pid).map((one) => {
    const stat = read(`/proc/${one}/stat`);
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  });
  return sum(ticks) / 100;
}

/** @param figure VmRSS for the memory in use, VmHWM for the highest so far, Pss to count once what processes share */
export function mebibytes(pid, figure = 'VmRSS') {
  const file = figure === 'Pss' ? 'smaps_rollup' : 'status';
  const pattern = new RegExp(`^${figure}:\\s+(\\d+)`, 'm');
  return sum(family(pid).map((one) => Number(pattern.exec(read(`/proc/${one}/${file}`))?.[1] ?? 0))) / 1024;
}

/** @returns a function that says what others did since: as shares of all processors, what other processes took, and the hypervisor */
export function watchMachine() {
  const before = machine();
  return () => {
    const after = machine();
    const seconds = (after.at - before.at) * cpus().length;
    return {
      others: Math.max(0, after.busy - before.busy - (after.ours - before.ours)) / seconds,
      steal: (after.steal - before.steal) / seconds,
    };
  };
}

function machine() {
  const [user, nice, system, , , irq, softirq, steal] = read('/proc/stat')
    .split('\n', 1)[0]
    .split(/ +/)
    .slice(1)
    .map((ticks) => Number(ticks) / 100);
  return {
    at: performance.now() / 1000,
    busy: user + nice + system + irq + softirq,
    steal,
    ours: cpuSeconds(process.pid),
  };
}

function family(pid) {
  const found = read(`/proc/${pid}/stat`) === '' ? [] : [pid];
  for (const one of found) {
    const threads = list(`/proc/${one}/task`);
    found.push(
      ...threads.flatMap((thread) => read(`/proc/${one}/task/${thread}/children`).match(/\d+/g) ?? []),
    );
  }
  return found;
}

function sum(values) {
  return values.length === 0 ? NaN : values.reduce((total, value) => total + value, 0);
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The process has ended, or this is not Linux.
    return '';
  }
}

function list(path) {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

export function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
