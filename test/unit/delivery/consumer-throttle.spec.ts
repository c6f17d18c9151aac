import * as fc from 'fast-check';
import { ConsumerThrottle } from '../../../src/delivery/consumer-throttle.js';

let nowMs: number;
let throttle: ConsumerThrottle;

const create = (concurrency: number) => (throttle = new ConsumerThrottle(concurrency, () => nowMs));
const succeed = (times = 1) => {
  for (let count = 0; count < times; count += 1) throttle.recordSuccess();
};
const fail = (times = 1, retryAfterSeconds?: number) => {
  for (let count = 0; count < times; count += 1) throttle.recordFailure({ retryAfterSeconds });
};
/** Advances the clock until the throttle leaves the open state. */
const pass = () => (nowMs += throttle.retryInMs);

beforeEach(() => {
  nowMs = 1_000_000;
  create(8);
});

describe('ConsumerThrottle: concurrency', () => {
  it('starts with one slot and adds one with each success, up to the concurrency of the consumer', () => {
    const slots = [throttle.availableSlots];
    for (let count = 0; count < 10; count += 1) {
      succeed();
      slots.push(throttle.availableSlots);
    }
    expect(slots).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 8]);
  });

  it.each([1, 2, 256])('never exceeds a concurrency of %d', (concurrency) => {
    create(concurrency);
    succeed(2 * concurrency);
    expect(throttle.availableSlots).toBe(concurrency);
  });

  it('halves the slots with each failure, down to one', () => {
    succeed(7);
    const slots = [];
    for (let count = 0; count < 4; count += 1) {
      fail();
      slots.push(throttle.availableSlots);
    }
    expect(slots).toEqual([4, 2, 1, 1]);
  });

  it('does not count slots that are in use as available', () => {
    succeed(3);
    for (let count = 0; count < 3; count += 1) throttle.acquireSlot();
    expect(throttle.availableSlots).toBe(1);
    // No slot is available until the deliveries that started under the larger limit have ended.
    fail();
    fail();
    expect(throttle.availableSlots).toBe(0);
    for (let count = 0; count < 3; count += 1) throttle.releaseSlot();
    expect(throttle.availableSlots).toBe(1);
  });
});

describe('ConsumerThrottle: circuit breaker', () => {
  it('opens at the fifth consecutive failure, and not before', () => {
    fail(4);
    expect([throttle.state, throttle.availableSlots]).toEqual(['closed', 1]);
    fail();
    expect([throttle.state, throttle.availableSlots]).toEqual(['open', 0]);
  });

  it('resets the failure count with each success', () => {
    for (let round = 0; round < 3; round += 1) {
      fail(4);
      succeed();
    }
    expect(throttle.state).toBe('closed');
  });

  it('stays open for at most 5 s, then twice as long each time, up to a minute; jitter takes away up to 25 %', () => {
    fail(4);
    for (const openMs of [5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000]) {
      fail();
      expect(throttle.retryInMs).toBeGreaterThanOrEqual(0.75 * openMs);
      expect(throttle.retryInMs).toBeLessThanOrEqual(openMs);
      pass();
    }
  });

  it('stays open for different times in different replicas', () => {
    const times = Array.from({ length: 200 }, () => {
      create(8);
      fail(5);
      return throttle.retryInMs;
    });
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(1_000);
  });

  it('is half-open afterwards and allows one trial delivery, whatever the limit was before', () => {
    create(256);
    succeed(256);
    fail(5);
    nowMs += throttle.retryInMs - 1;
    expect(throttle.state).toBe('open');
    pass();
    expect([throttle.state, throttle.availableSlots, throttle.retryInMs]).toEqual(['half-open', 1, 0]);
    throttle.acquireSlot();
    expect(throttle.availableSlots).toBe(0);
  });

  it('closes and ramps up again after the trial delivery succeeds', () => {
    succeed(7);
    fail(5);
    pass();
    succeed();
    expect([throttle.state, throttle.availableSlots]).toEqual(['closed', 2]);
    fail(4);
    expect(throttle.state).toBe('closed');
    fail();
    expect(throttle.retryInMs).toBeLessThanOrEqual(1.25 * 5_000);
  });

  it('does not extend the open time for failures that occur while it is open', () => {
    fail(5);
    const retryInMs = throttle.retryInMs;
    fail(20);
    expect(throttle.retryInMs).toBe(retryInMs);
    pass();
    fail();
    expect(throttle.retryInMs).toBeGreaterThanOrEqual(0.75 * 10_000);
    expect(throttle.retryInMs).toBeLessThanOrEqual(1.25 * 10_000);
  });
});

describe('ConsumerThrottle: deliveries that started before it opened', () => {
  const longMs = 9_000;

  it('does not escalate when such a delivery fails', () => {
    fail(5);
    pass();
    throttle.recordFailure({ durationMs: longMs });
    expect(throttle.state).toBe('half-open');
    fail();
    expect(throttle.retryInMs).toBeLessThanOrEqual(1.25 * 10_000);
  });

  it('obeys Retry-After in the response to such a delivery', () => {
    fail(5);
    pass();
    throttle.recordFailure({ durationMs: longMs, retryAfterSeconds: 30 });
    expect(throttle.retryInMs).toBe(30_000);
  });

  it('closes when such a delivery succeeds', () => {
    fail(5);
    pass();
    succeed();
    expect(throttle.state).toBe('closed');
  });
});

describe('ConsumerThrottle: Retry-After', () => {
  it('pauses at the first failure with Retry-After', () => {
    fail(1, 30);
    expect([throttle.state, throttle.availableSlots, throttle.retryInMs]).toEqual(['open', 0, 30_000]);
    nowMs += 30_000;
    expect([throttle.state, throttle.availableSlots]).toEqual(['closed', 1]);
  });

  it.each([
    [3_600, 3_600_000],
    [3_601, 3_600_000],
    [9_999_999_999, 3_600_000],
    [0, 0],
  ])('turns a Retry-After of %d s into a pause of %d ms', (askedSeconds, givenMs) => {
    fail(1, askedSeconds);
    expect(throttle.retryInMs).toBe(givenMs);
  });

  it('pauses for the longest Retry-After received', () => {
    fail(1, 30);
    fail(1, 60);
    fail(1, 10);
    expect(throttle.retryInMs).toBe(60_000);
  });

  it('stays open for at least the breaker’s own time when Retry-After is shorter', () => {
    fail(4);
    fail(1, 1);
    expect(throttle.retryInMs).toBeGreaterThanOrEqual(0.75 * 5_000);
  });
});

it('reports when the consumer last accepted a delivery', () => {
  expect(throttle.lastSuccessAt).toBeUndefined();
  const before = Date.now();
  succeed();
  expect(throttle.lastSuccessAt!.getTime()).toBeGreaterThanOrEqual(before);
});

type Step = 'start' | 'succeed' | 'fail' | 'ask' | 'pass';

it('never exceeds the limit, gives no slots while open, and always recovers', () => {
  const step = fc.constantFrom<Step>('start', 'succeed', 'fail', 'ask', 'pass');
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 16 }), fc.array(step, { maxLength: 200 }), (concurrency, steps) => {
      create(concurrency);
      let inFlight = 0;
      const finish: Partial<Record<Step, () => void>> = {
        succeed: () => succeed(),
        fail: () => fail(),
        ask: () => fail(1, 7),
      };
      for (const name of steps) {
        if (name === 'pass') nowMs += 1_000;
        else if (name === 'start') {
          if (throttle.availableSlots === 0) continue;
          throttle.acquireSlot();
          inFlight += 1;
        } else if (inFlight > 0) {
          finish[name]!();
          throttle.releaseSlot();
          inFlight -= 1;
        }
        expect(inFlight + throttle.availableSlots).toBeLessThanOrEqual(concurrency);
        expect(throttle.state === 'open').toBe(throttle.retryInMs > 0);
        expect(throttle.availableSlots).toBeLessThanOrEqual(
          { closed: concurrency, open: 0, 'half-open': 1 }[throttle.state],
        );
      }
      for (; inFlight > 0; inFlight -= 1) throttle.releaseSlot();
      pass();
      expect(throttle.availableSlots).toBeGreaterThanOrEqual(1);
    }),
  );
});
