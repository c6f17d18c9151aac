const fraction = Number(process.env['TEST_SCALE'] ?? 0);

/** A volume of a test: `small` in `npm test`, `full` in `npm run test:full`, between them for a `TEST_SCALE` between 0 and 1. */
export function scale(small: number, full: number): number {
  return Math.round(small + (full - small) * fraction);
}
