import { seededRandom } from './random.js';

/** Random choices. Loops that run at once draw from different streams: each then draws the same ones again with the same seed. */
export class Draw {
  readonly number: () => number;

  constructor(stream: number) {
    this.number = seededRandom(stream);
  }

  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number {
    return Math.floor(this.number() * limit);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  chance(probability: number): boolean {
    return this.number() < probability;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }

  hex(digits: number): string {
    return Array.from({ length: digits }, () => this.below(16).toString(16)).join('');
  }

  /** An address of this machine, from 127.1.0.1 up to 127.98.255.254. */
  address(): string {
    return `127.${1 + this.below(98)}.${this.below(256)}.${1 + this.below(254)}`;
  }
}
