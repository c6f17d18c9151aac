import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';

/** No code of the gateway runs that long: the process is stuck. */
const BLOCKED_MS = 10_000;
/** Callers notice such a pause. The lag percentiles show shorter ones. */
const STALL_MS = 5_000;
/** Longer than the interval of liveness probes, so that one of them sees it. */
const REPORT_FOR_MS = 15_000;
const POLL_INTERVAL_MS = 100;

/**
 * Detects event-loop blocks. A blocked loop cannot answer probes, so the block is reported for 15 s afterwards.
 * `monitorEventLoopDelay` is no substitute: a reset drops the running interval, and with it a block right after a probe.
 */
@Injectable()
export class EventLoopMonitor implements OnApplicationBootstrap, OnModuleDestroy {
  private stalls = 0;
  private polledAt = performance.now();
  private blockedAt = -Infinity;
  private timer: NodeJS.Timeout | undefined;

  /** Starts after initialization, which blocks by loading code and is not a stall. */
  onApplicationBootstrap(): void {
    this.polledAt = performance.now();
    this.timer = setInterval(() => this.poll(), POLL_INTERVAL_MS).unref();
  }

  /** Pauses of 5 s or longer since the start. A counter, because a gauge that resets when read would hide them from other readers. */
  get stallCount(): number {
    return this.stalls;
  }

  get recentlyBlocked(): boolean {
    // A probe may be handled before the timer fires.
    this.poll();
    return this.polledAt - this.blockedAt < REPORT_FOR_MS;
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  private poll(): void {
    const now = performance.now();
    const pauseMs = now - this.polledAt;
    if (pauseMs >= STALL_MS) this.stalls += 1;
    if (pauseMs >= BLOCKED_MS) this.blockedAt = now;
    this.polledAt = now;
  }
}
