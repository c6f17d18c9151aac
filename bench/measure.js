// What the benchmarks have in common: how a gateway is configured, and how a process is measured. Linux only.
import { readFileSync } from 'node:fs';
import process from 'node:process';

/** The environment of a gateway that reaches no vendor. */
export function gatewayEnvironment(more) {
  return {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    KIGO_BASE_URL: 'http://127.0.0.1:9',
    KIGO_PARTNER_ID: 'bench',
    KIGO_API_KEY: 'bench',
    KIIP_BASE_URL: 'http://127.0.0.1:9',
    KIIP_APP_KEY: 'bench',
    KIIP_APP_SECRETS: 'bench',
    // Callbacks come without a moment before.
    KIIP_UNKNOWN_REWARDS: 'accept',
    KIIP_UNKNOWN_USERS: 'accept',
    KIIP_USER_REFERENCE: 'plain',
    API_KEYS: 'bench:bench-key',
    ...more,
  };
}

/** User and system time of a process so far, from the kernel's own account (100 ticks a second). */
export function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** @param figure VmRSS for the memory in use, VmHWM for the highest so far */
export function mebibytes(pid, figure = 'VmRSS') {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`${figure}:\\s+(\\d+)`).exec(status)[1]) / 1024;
}

export function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
