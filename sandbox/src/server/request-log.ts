import type { Call, HttpRequest } from './simulated-service.js';

/** One call as the vendor saw it. */
export interface LoggedRequest extends HttpRequest {
  /** Arrival by the machine's clock, not the virtual one, in milliseconds since the epoch: retry gaps are real. */
  at: number;
  route: string;
  /** What was sent; null until then, and for good when the fault sends no headers. */
  status: number | null;
  /** Kind of the fault that was played on this call. */
  fault: string | null;
}

// A sandbox may serve a CI for weeks: its memory has to stay bounded.
const MAX_REQUESTS = 10_000;

/** Every call in order of arrival, and how many of a route were ever open at once. */
export class RequestLog {
  private entries: LoggedRequest[] = [];
  private readonly open = new Set<LoggedRequest>();
  private readonly maxOpen = new Map<string, number>();

  start(request: HttpRequest, call: Call): LoggedRequest {
    const entry = { ...request, at: Date.now(), route: call.route, status: null, fault: null };
    this.entries.push(entry);
    if (this.entries.length > MAX_REQUESTS) this.entries.shift();
    this.open.add(entry);
    this.updateMaxOpen(entry.route);
    return entry;
  }

  finish(entry: LoggedRequest): void {
    this.open.delete(entry);
  }

  list(route?: string): LoggedRequest[] {
    const wanted = route === undefined ? this.entries : this.entries.filter((entry) => entry.route === route);
    return wanted.map((entry) => ({ ...entry }));
  }

  maxConcurrent(route: string): number {
    return this.maxOpen.get(route) ?? 0;
  }

  /** Forgets the calls so far; those still open go on counting as open. */
  clear(): void {
    this.entries = [];
    this.maxOpen.clear();
    for (const { route } of this.open) this.updateMaxOpen(route);
  }

  /** Forgets the open calls too. */
  reset(): void {
    this.open.clear();
    this.clear();
  }

  private updateMaxOpen(route: string): void {
    const open = [...this.open].filter((entry) => entry.route === route).length;
    this.maxOpen.set(route, Math.max(open, this.maxConcurrent(route)));
  }
}
