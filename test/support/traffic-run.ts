import { setTimeout as sleep } from 'node:timers/promises';
import { Draw } from './random-draw.js';
import { rawCall } from './raw-call.js';
import type { RawCallResult, RawOptions } from './raw-call.js';

/** Beyond it, a loop skips a turn: a gateway that hangs must not take all connections of this machine. */
const MAX_IN_FLIGHT = 60;
const ANSWER_LIMIT_MS = 10_000;
const HEARTBEAT_MS = 100;
/** This process was stopped or waited for the processor: what it measured in that time says nothing of the gateways. */
const STALL_MS = 500;

/** Loops that send requests at random times until `stop`, what was answered, and what went wrong. */
export class TrafficRun {
  readonly startedAt = performance.now();
  /** Number of answers by kind of request. */
  readonly counts = new Map<string, Map<string, number>>();
  /** Each is a fault of a gateway. The first ones are enough. */
  readonly faults: string[] = [];
  #faultCount = 0;
  #stalledAt = -Infinity;
  #streams = 0;
  readonly #stop = new AbortController();
  readonly #loops: Promise<void>[] = [];
  readonly #inFlight = new Set<Promise<unknown>>();
  readonly #heartbeat: NodeJS.Timeout;

  constructor() {
    let beatAt = performance.now();
    this.#heartbeat = setInterval(() => {
      const now = performance.now();
      if (now - beatAt > STALL_MS) this.#stalledAt = now;
      beatAt = now;
    }, HEARTBEAT_MS);
  }

  get seconds(): number {
    return (performance.now() - this.startedAt) / 1_000;
  }

  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  get faultCount(): number {
    return this.#faultCount;
  }

  /** Whether this process stood still at some time since then. */
  stalledSince(time: number): boolean {
    return this.#stalledAt >= time;
  }

  nextDraw(): Draw {
    this.#streams += 1;
    return new Draw(this.#streams);
  }

  count(kind: string, answer: string | number): void {
    const answers = this.counts.get(kind) ?? new Map<string, number>();
    this.counts.set(kind, answers);
    answers.set(String(answer), (answers.get(String(answer)) ?? 0) + 1);
  }

  total(kind: string): number {
    return [...(this.counts.get(kind)?.values() ?? [])].reduce((sum, count) => sum + count, 0);
  }

  fault(text: string): void {
    this.#faultCount += 1;
    if (this.faults.length < 20) this.faults.push(`after ${this.seconds.toFixed(1)} s: ${text}`);
  }

  /** Sends one request on a connection of its own, and counts the answer. A 5xx is a fault. */
  async ask(kind: string, url: string, options: RawOptions): Promise<RawCallResult> {
    const result = await rawCall(url, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS), ...options });
    this.count(kind, result.error ?? result.status ?? 'nothing');
    if ((result.status ?? 0) >= 500) this.fault(`${kind}: ${describeAnswer(result)}`);
    return result;
  }

  /** Repeats work at random times, so many a second on average, several at once. */
  repeat(perSecond: number, work: (draw: Draw) => Promise<unknown>): void {
    const draw = this.nextDraw();
    let running = 0;
    this.loop(async () => {
      let next = performance.now();
      while (!this.stopped.aborted) {
        // Turns that were late are made up for, unless this process stood still.
        next =
          Math.max(next, performance.now() - STALL_MS) - (Math.log(1 - draw.number()) * 1_000) / perSecond;
        await this.pause(Math.max(0, next - performance.now()));
        if (this.stopped.aborted || running >= MAX_IN_FLIGHT) continue;
        running += 1;
        this.track(work(draw).finally(() => (running -= 1)));
      }
    });
  }

  loop(work: () => Promise<void>): void {
    this.#loops.push(work());
  }

  /** Work that `stop` waits for. */
  track(work: Promise<unknown>): void {
    const tracked = work
      .catch((error: unknown) => this.fault(String(error)))
      .finally(() => this.#inFlight.delete(tracked));
    this.#inFlight.add(tracked);
  }

  /** Ends early when the run is stopped. */
  async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.stopped }).catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight);
    clearInterval(this.#heartbeat);
  }

  /** One line for each kind. */
  describe(): string[] {
    return sortedByKey(this.counts).map(([kind, answers]) => {
      const list = sortedByKey(answers).map(([answer, count]) => `${answer} ${count}`);
      return `${kind}: ${list.join(', ')}`;
    });
  }
}

function sortedByKey<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].toSorted(([one], [other]) => (one < other ? -1 : 1));
}

export function describeAnswer({ status, error, endMs, body }: RawCallResult): string {
  return `${status ?? 'no status'} ${error ?? ''} after ${Math.round(endMs)} ms: ${body.toString().slice(0, 300)}`;
}
