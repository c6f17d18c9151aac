import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Injectable } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';

/** Nothing of ours takes so long: something in this process hogs it. */
const stuckMs = 10_000;
/** Longer than the pause between two liveness probes: one of them sees it. */
const toldForMs = 15_000;

/** Whether this process stood still for long: while it does, nothing can be asked; so it tells afterwards. */
@Injectable()
export class EventLoop implements OnApplicationShutdown {
  private readonly delay = monitorEventLoopDelay({ resolution: 100 });
  private stuckAtMs = -Infinity;

  constructor() {
    this.delay.enable();
  }

  get wasStuck(): boolean {
    if (this.delay.max / 1e6 >= stuckMs) this.stuckAtMs = performance.now();
    this.delay.reset();
    return performance.now() - this.stuckAtMs < toldForMs;
  }

  onApplicationShutdown(): void {
    this.delay.disable();
  }
}
