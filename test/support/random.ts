import { readConfigureGlobal } from 'fast-check';

/**
 * Random numbers of at least 0 and less than 1. Jest prints its seed: `npm test -- --seed=…` draws the same ones again.
 *
 * @param stream loops that run at once draw from different ones, so that their order does not matter
 */
export function seededRandom(stream = 0): () => number {
  let state = (readConfigureGlobal().seed ?? 0) ^ Math.imul(stream, 0x9e_37_79_b9);
  // Mulberry32
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
