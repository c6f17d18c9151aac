import { jest } from '@jest/globals';
import { EventLoopMonitor } from '../../../src/health/event-loop.js';

describe('an event loop that is watched', () => {
  let loop: EventLoopMonitor;
  let now = 0;
  const clock = jest.spyOn(performance, 'now').mockImplementation(() => now);

  beforeEach(() => {
    loop = new EventLoopMonitor();
    loop.onApplicationBootstrap();
  });
  afterEach(() => loop.onModuleDestroy());
  afterAll(() => clock.mockRestore());

  const pauses = (...lengths: number[]) => {
    for (const ms of lengths) {
      now += ms;
      // Whoever looks, a probe or the timer, notes the pause.
      void loop.recentlyBlocked;
    }
  };

  it('counts each pause of five seconds or longer once', () => {
    pauses(100, 4_999, 100);
    expect(loop.stallCount).toBe(0);
    pauses(5_000, 100, 60_000, 100);
    expect(loop.stallCount).toBe(2);
  });

  it('tells the probe of ten seconds only, and not for long', () => {
    pauses(9_999);
    expect(loop.recentlyBlocked).toBe(false);
    pauses(10_000);
    expect(loop.recentlyBlocked).toBe(true);
    pauses(4_000, 4_000, 4_000, 4_000);
    expect(loop.recentlyBlocked).toBe(false);
  });
});
