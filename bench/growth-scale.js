// What callbacks of several rates need, calculated from what one was measured to need: see docs/scale.md.

const RATES = [10, 100, 1_000, 10_000];
/** How much of each processor is used: the rest is for peaks, and for a pod that is missing. */
const BUSY = 0.6;
const CONNECTIONS_OF_POD = 18;
/** docs/backup-and-restore.md, "Growth". */
const BYTES_OF_ENTRY = 1_450;
const BYTES_OF_DELIVERY = 560;
const RESTORED_PER_SECOND = 100e6;
const YEAR_SECONDS = 365 * 86_400;

/** Takes the processor time of the `gateway` and of the `database` for a callback and its delivery to one consumer */
export function needs({ gateway, database }) {
  return RATES.map((rate) => {
    const cores = (micros) => (rate * micros) / 1e6 / BUSY;
    const pods = Math.max(2, Math.ceil(cores(gateway)));
    const bytes = rate * YEAR_SECONDS * (BYTES_OF_ENTRY + BYTES_OF_DELIVERY);
    return {
      'callbacks/s': rate,
      'pods of one core': pods,
      'cores of PostgreSQL': Number(cores(database).toFixed(1)),
      connections: pods * CONNECTIONS_OF_POD,
      'million entries a year': Math.round((rate * YEAR_SECONDS) / 1e6),
      'TB a year': Number((bytes / 1e12).toFixed(1)),
      'hours to restore a year': Number((bytes / RESTORED_PER_SECOND / 3600).toFixed(1)),
    };
  });
}
