import type { VirtualClock } from './virtual-clock.js';

interface Item {
  due: number;
  run: () => void;
}

/** Runs tasks at a time of the virtual clock: when the real clock gets there, or when a test advances it. */
export class Scheduler {
  private items: Item[] = [];
  private timer?: NodeJS.Timeout;

  constructor(private readonly clock: VirtualClock) {
    clock.onAdvance(() => this.tick());
  }

  /** Runs at `due`, in milliseconds since the epoch; what is due first runs first. */
  at(due: number, run: () => void): void {
    this.items.push({ due, run });
    this.arm();
  }

  clear(): void {
    this.items = [];
    clearTimeout(this.timer);
  }

  private tick(): void {
    const now = this.clock.now();
    const due = this.items.filter((item) => item.due <= now).toSorted((one, other) => one.due - other.due);
    this.items = this.items.filter((item) => item.due > now);
    for (const { run } of due) run();
    this.arm();
  }

  private arm(): void {
    clearTimeout(this.timer);
    if (this.items.length === 0) return;
    const next = Math.min(...this.items.map(({ due }) => due));
    this.timer = setTimeout(() => this.tick(), Math.max(0, next - this.clock.now()));
    this.timer.unref();
  }
}
