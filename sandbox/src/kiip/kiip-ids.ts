import { seededRandom } from '../server/random.js';
import type { VirtualClock } from '../server/virtual-clock.js';

/** Ids and dates as Kiip makes them; the same seed at the same time gives the same ones. */
export class KiipIds {
  private random: () => number;

  constructor(
    private readonly clock: VirtualClock,
    private readonly seed: number,
  ) {
    this.random = seededRandom(seed);
  }

  /**
   * In the shape of a UUID, but not one of RFC 4122: the first eight digits are the time in seconds, and the digit
   * that should tell the variant never does.
   */
  id(at = this.now()): string {
    const time = Math.floor(at / 1000)
      .toString(16)
      .padStart(8, '0');
    const variant = '01234567cdef'[this.below(12)];
    return `${time}-${this.hex(4)}-${this.hex(4)}-${variant}${this.hex(3)}-${this.hex(12)}`;
  }

  /** Lower-case hexadecimal digits. */
  hex(digits: number): string {
    return Array.from({ length: digits }, () => this.below(16).toString(16)).join('');
  }

  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  /** In UTC with microseconds and without a zone: 2015-01-28T01:32:24.697136. */
  date(at = this.now()): string {
    const micros = String(this.below(1000)).padStart(3, '0');
    return new Date(at).toISOString().replace('Z', micros);
  }

  /** Milliseconds since the epoch, to give to several ids and dates of one thing. */
  now(): number {
    return this.clock.now();
  }

  reset(): void {
    this.random = seededRandom(this.seed);
  }
}
