import { mock } from 'node:test';
import { EventLoopMonitor } from '../../../src/health/event-loop-monitor.js';

describe('EventLoopMonitor', () => {
  let monitor: EventLoopMonitor;
  let now = 0;
  const clock = mock.method(performance, 'now', () => now);

  beforeEach(() => {
    monitor = new EventLoopMonitor();
    monitor.onApplicationBootstrap();
  });
  afterEach(() => monitor.onModuleDestroy());
  afterAll(() => clock.mock.restore());

  const pauses = (...lengths: number[]) => {
    for (const ms of lengths) {
      now += ms;
      // Reading polls, as the timer does.
      void monitor.recentlyBlocked;
    }
  };

  it('counts each pause of 5 s or longer once', () => {
    pauses(100, 4_999, 100);
    expect(monitor.stallCount).toBe(0);
    pauses(5_000, 100, 60_000, 100);
    expect(monitor.stallCount).toBe(2);
  });

  it('reports a block of 10 s or longer, for 15 s', () => {
    pauses(9_999);
    expect(monitor.recentlyBlocked).toBe(false);
    pauses(10_000);
    expect(monitor.recentlyBlocked).toBe(true);
    pauses(4_000, 4_000, 4_000, 4_000);
    expect(monitor.recentlyBlocked).toBe(false);
  });
});
