/** The vendor's clock: the machine's, plus an offset that a test can advance instead of sleeping. */
export class VirtualClock {
  private offsetMs = 0;
  private readonly listeners: (() => void)[] = [];

  /** Milliseconds since the epoch. */
  now(): number {
    return Date.now() + this.offsetMs;
  }

  /** Moves the clock by `ms` and returns the new time. */
  advance(ms: number): number {
    this.offsetMs += ms;
    for (const listener of this.listeners) listener();
    return this.now();
  }

  /** Calls back whenever the clock was advanced. */
  onAdvance(listener: () => void): void {
    this.listeners.push(listener);
  }

  reset(): void {
    this.offsetMs = 0;
  }
}
