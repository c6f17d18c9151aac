import type { Call, VendorRequest } from './vendor.js';

/** One call as the vendor saw it. */
export interface JournalEntry extends VendorRequest {
  /** Arrival by the machine's clock, not the virtual one, in milliseconds since the epoch: retry gaps are real. */
  at: number;
  route: string;
  /** What was sent; null as long as nothing was, and for ever when the fault sends no headers. */
  status: number | null;
  /** Kind of the fault that was played on this call. */
  fault: string | null;
}

// A sandbox that serves somebody's CI for weeks must not grow without end.
const MOST_ENTRIES = 10_000;

/** Every call in order of arrival, and how many of a route were ever open at once. */
export class Journal {
  private entries: JournalEntry[] = [];
  private readonly open = new Set<JournalEntry>();
  private readonly most = new Map<string, number>();

  arrive(request: VendorRequest, call: Call): JournalEntry {
    const entry = { ...request, at: Date.now(), route: call.route, status: null, fault: null };
    this.entries.push(entry);
    if (this.entries.length > MOST_ENTRIES) this.entries.shift();
    this.open.add(entry);
    this.noteOpen(entry.route);
    return entry;
  }

  leave(entry: JournalEntry): void {
    this.open.delete(entry);
  }

  list(route?: string): JournalEntry[] {
    const wanted = route === undefined ? this.entries : this.entries.filter((entry) => entry.route === route);
    return wanted.map((entry) => ({ ...entry }));
  }

  maxConcurrent(route: string): number {
    return this.most.get(route) ?? 0;
  }

  /** Forgets the calls so far; those still open go on counting as open. */
  clear(): void {
    this.entries = [];
    this.most.clear();
    for (const { route } of this.open) this.noteOpen(route);
  }

  /** Forgets the open calls too. */
  reset(): void {
    this.open.clear();
    this.clear();
  }

  private noteOpen(route: string): void {
    const open = [...this.open].filter((entry) => entry.route === route).length;
    this.most.set(route, Math.max(open, this.maxConcurrent(route)));
  }
}
