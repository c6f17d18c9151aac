import { readFileSync } from 'node:fs';

/** How long the main thread of a process has waited for a processor that other processes had, in ms. 0 where the system does not tell. */
export function processorWaitMs(pid: number): number {
  try {
    // Time on a processor, time waiting for one, both in ns, and the number of time slices.
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
}
