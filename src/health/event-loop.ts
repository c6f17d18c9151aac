import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';

/** Nothing of ours takes so long: something in this process hogs it. */
const BLOCKED_MS = 10_000;
/** A pause that callers feel; of a shorter one, the percentiles of the delay tell. */
const STALL_MS = 5_000;
/** Longer than the pause between two liveness probes: one of them sees it. */
const REPORT_FOR_MS = 15_000;
const POLL_INTERVAL_MS = 100;

/**
 * Whether this process stood still for long: while it does, nothing can be asked; so it tells afterwards. Not
 * `monitorEventLoopDelay`: it forgets the interval that is under way when it is reset, and with it a stall right after a probe.
 */
@Injectable()
export class EventLoopMonitor implements OnApplicationBootstrap, OnModuleDestroy {
  /** Pauses of 5 s or longer since the start. Counted, since a gauge that whoever reads it resets hides them from the others. */
  stallCount = 0;
  private polledAt = performance.now();
  private blockedAt = -Infinity;
  private timer: NodeJS.Timeout | undefined;

  /** Not before: making an embedded database may take as long, and is no stall. */
  onApplicationBootstrap(): void {
    this.polledAt = performance.now();
    this.timer = setInterval(() => this.poll(), POLL_INTERVAL_MS).unref();
  }

  get recentlyBlocked(): boolean {
    // A probe may be read before the timer is.
    this.poll();
    return this.polledAt - this.blockedAt < REPORT_FOR_MS;
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  private poll(): void {
    const now = performance.now();
    const pauseMs = now - this.polledAt;
    if (pauseMs >= STALL_MS) this.stallCount += 1;
    if (pauseMs >= BLOCKED_MS) this.blockedAt = now;
    this.polledAt = now;
  }
}
