const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;

/** A time between milliseconds and days, in at most two units: `3 ms`, `1.2 s`, `4 min 10 s`, `2 d 4 h`. */
export function elapsed(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${Number((ms / 1_000).toFixed(1))} s`;
  for (const [index, [unit, size]] of UNITS.entries()) {
    // Rounded to the smaller unit before it is split: 59 min 59.7 s are an hour.
    const [restUnit, restSize] = UNITS[index + 1] ?? [unit, size];
    const total = Math.round(ms / 1_000 / restSize) * restSize;
    if (total < size) continue;
    const rest = (total % size) / restSize;
    return `${Math.floor(total / size)} ${unit}${rest > 0 ? ` ${rest} ${restUnit}` : ''}`;
  }
  return `${Math.round(ms / 1_000)} s`;
}

/** A length for a time, on which milliseconds and days can both be seen: ten times as long is `perDecade` more. */
export function logLength(ms: number, perDecade: number): number {
  return Math.round(perDecade * Math.log10(1 + Math.max(0, ms)));
}
