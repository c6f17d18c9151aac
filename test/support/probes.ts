import { parseMetrics } from './metrics.js';
import type { Metrics } from './metrics.js';
import { processorWaitMs } from './processor-wait.js';
import { rawCall } from './raw-call.js';
import { describeAnswer } from './traffic-run.js';
import type { TrafficRun } from './traffic-run.js';
import type { Replica } from './traffic-world.js';

const PROBE_EVERY_MS = 250;
const PROBE_LIMIT_MS = 1_000;
const SCRAPE_EVERY_MS = 3_000;
/** A process that waits for a processor this long within a probe is late because of the other processes of the machine. */
const STARVED_MS = 250;

/** What Kubernetes and Prometheus do, from one address. */
export class Probes {
  sent = 0;
  failed = 0;
  /** Failed while the gateway or this process had no processor: that says nothing of the gateway. */
  unjudged = 0;
  slowestMs = 0;
  /** Pages of metrics by replica, oldest first. */
  readonly pages: { readonly seconds: number; readonly metrics: Metrics }[][];

  constructor(
    private readonly run: TrafficRun,
    private readonly replicas: readonly Replica[],
  ) {
    this.pages = replicas.map(() => []);
  }

  start(): void {
    for (const [index, replica] of this.replicas.entries()) {
      for (const path of ['/health/live', '/health/ready'])
        this.#repeat(PROBE_EVERY_MS, () => this.#probe(replica, path));
      this.#repeat(SCRAPE_EVERY_MS, () => this.scrape(index));
    }
  }

  async scrape(index: number): Promise<void> {
    const page = await this.#probe(this.replicas[index]!, '/metrics');
    if (page !== undefined)
      this.pages[index]!.push({ seconds: this.run.seconds, metrics: parseMetrics(page) });
  }

  async #probe({ management, process: gateway }: Replica, path: string): Promise<string | undefined> {
    const start = performance.now();
    const waits = [gateway.pid, process.pid].map((pid) => ({ pid, before: processorWaitMs(pid) }));
    const answer = await rawCall(management + path, { signal: AbortSignal.timeout(PROBE_LIMIT_MS) });
    this.sent += 1;
    if (answer.status === 200 && answer.error === undefined) {
      this.slowestMs = Math.max(this.slowestMs, answer.endMs);
      return answer.body.toString();
    }
    const starved = waits.some(({ pid, before }) => processorWaitMs(pid) - before > STARVED_MS);
    if (answer.status === undefined && (starved || this.run.stalledSince(start))) {
      this.unjudged += 1;
    } else {
      this.failed += 1;
      this.run.fault(`probe of ${management}${path}: ${describeAnswer(answer)}`);
    }
    return undefined;
  }

  /** Sends one after the other at fixed times, whether or not the last one has been answered. */
  #repeat(everyMs: number, send: () => Promise<unknown>): void {
    this.run.loop(async () => {
      for (let next = performance.now(); !this.run.stopped.aborted; next += everyMs) {
        await this.run.pause(Math.max(0, next - performance.now()));
        this.run.track(send());
      }
    });
  }
}
