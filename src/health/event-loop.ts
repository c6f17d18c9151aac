import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';

/** Nothing of ours takes so long: something in this process hogs it. */
const stuckMs = 10_000;
/** A pause that callers feel; of a shorter one, the percentiles of the delay tell. */
const stallMs = 5_000;
/** Longer than the pause between two liveness probes: one of them sees it. */
const toldForMs = 15_000;
const lookEveryMs = 100;

/**
 * Whether this process stood still for long: while it does, nothing can be asked; so it tells afterwards. Not
 * `monitorEventLoopDelay`: it forgets the interval that is under way when it is reset, and with it a stall right after a probe.
 */
@Injectable()
export class EventLoop implements OnApplicationBootstrap, OnModuleDestroy {
  /** Pauses of 5 s or longer since the start. Counted, since a gauge that whoever reads it resets hides them from the others. */
  stalls = 0;
  private lookedAt = performance.now();
  private stuckAt = -Infinity;
  private timer: NodeJS.Timeout | undefined;

  /** Not before: making an embedded database may take as long, and is no stall. */
  onApplicationBootstrap(): void {
    this.lookedAt = performance.now();
    this.timer = setInterval(() => this.look(), lookEveryMs).unref();
  }

  get wasStuck(): boolean {
    // A probe may be read before the timer is.
    this.look();
    return this.lookedAt - this.stuckAt < toldForMs;
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    const now = performance.now();
    const pauseMs = now - this.lookedAt;
    if (pauseMs >= stallMs) this.stalls += 1;
    if (pauseMs >= stuckMs) this.stuckAt = now;
    this.lookedAt = now;
  }
}
