import * as fc from 'fast-check';
import { ConsumerThrottle } from '../../../src/delivery/consumer-throttle.js';

let nowMs: number;
let lane: ConsumerThrottle;

const of = (concurrency: number) => (lane = new ConsumerThrottle(concurrency, () => nowMs));
const succeed = (times = 1) => {
  for (let count = 0; count < times; count += 1) lane.recordSuccess();
};
const fail = (times = 1, retryAfterSeconds?: number) => {
  for (let count = 0; count < times; count += 1) lane.recordFailure({ retryAfterSeconds });
};
/** Lets the time pass until the lane may be tried again. */
const pass = () => (nowMs += lane.retryInMs);

beforeEach(() => {
  nowMs = 1_000_000;
  of(8);
});

describe('the ramp of a lane', () => {
  it('begins with one, and grows by one with each success up to the limit of the consumer', () => {
    const widths = [lane.availableSlots];
    for (let count = 0; count < 10; count += 1) {
      succeed();
      widths.push(lane.availableSlots);
    }
    expect(widths).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 8]);
  });

  it.each([1, 2, 256])('stays within a limit of %d', (concurrency) => {
    of(concurrency);
    succeed(2 * concurrency);
    expect(lane.availableSlots).toBe(concurrency);
  });

  it('halves with each failure, down to one', () => {
    succeed(7);
    const widths = [];
    for (let count = 0; count < 4; count += 1) {
      fail();
      widths.push(lane.availableSlots);
    }
    expect(widths).toEqual([4, 2, 1, 1]);
  });

  it('has no place for what is under way', () => {
    succeed(3);
    for (let count = 0; count < 3; count += 1) lane.acquireSlot();
    expect(lane.availableSlots).toBe(1);
    // What was begun while there was more room is waited for.
    fail();
    fail();
    expect(lane.availableSlots).toBe(0);
    for (let count = 0; count < 3; count += 1) lane.releaseSlot();
    expect(lane.availableSlots).toBe(1);
  });
});

describe('the breaker of a lane', () => {
  it('opens at the fifth failure in a row, and not before', () => {
    fail(4);
    expect([lane.state, lane.availableSlots]).toEqual(['closed', 1]);
    fail();
    expect([lane.state, lane.availableSlots]).toEqual(['open', 0]);
  });

  it('counts from the start after each success', () => {
    for (let round = 0; round < 3; round += 1) {
      fail(4);
      succeed();
    }
    expect(lane.state).toBe('closed');
  });

  it('opens for 5 s, then for twice as long each time, up to a minute, a quarter more or less', () => {
    fail(4);
    for (const breakMs of [5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000]) {
      fail();
      expect(lane.retryInMs).toBeGreaterThanOrEqual(0.75 * breakMs);
      expect(lane.retryInMs).toBeLessThanOrEqual(1.25 * breakMs);
      pass();
    }
  });

  it('does not open for the same time in every replica', () => {
    const times = Array.from({ length: 200 }, () => {
      of(8);
      fail(5);
      return lane.retryInMs;
    });
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(1_000);
  });

  it('is half-open then, and lets one look, however wide the lane was', () => {
    of(256);
    succeed(256);
    fail(5);
    nowMs += lane.retryInMs - 1;
    expect(lane.state).toBe('open');
    pass();
    expect([lane.state, lane.availableSlots, lane.retryInMs]).toEqual(['half-open', 1, 0]);
    lane.acquireSlot();
    expect(lane.availableSlots).toBe(0);
  });

  it('closes when the one that looks succeeds, and the ramp begins anew', () => {
    succeed(7);
    fail(5);
    pass();
    succeed();
    expect([lane.state, lane.availableSlots]).toEqual(['closed', 2]);
    fail(4);
    expect(lane.state).toBe('closed');
    fail();
    expect(lane.retryInMs).toBeLessThanOrEqual(1.25 * 5_000);
  });

  it('opens no longer for what fails while it is open', () => {
    fail(5);
    const opensInMs = lane.retryInMs;
    fail(20);
    expect(lane.retryInMs).toBe(opensInMs);
    pass();
    fail();
    expect(lane.retryInMs).toBeGreaterThanOrEqual(0.75 * 10_000);
    expect(lane.retryInMs).toBeLessThanOrEqual(1.25 * 10_000);
  });
});

describe('what was begun before a lane opened', () => {
  const longMs = 9_000;

  it('and fails after that escalates nothing', () => {
    fail(5);
    pass();
    lane.recordFailure({ durationMs: longMs });
    expect(lane.state).toBe('half-open');
    fail();
    expect(lane.retryInMs).toBeLessThanOrEqual(1.25 * 10_000);
  });

  it('is heard when it asks for time', () => {
    fail(5);
    pass();
    lane.recordFailure({ durationMs: longMs, retryAfterSeconds: 30 });
    expect(lane.retryInMs).toBe(30_000);
  });

  it('and succeeds closes it', () => {
    fail(5);
    pass();
    succeed();
    expect(lane.state).toBe('closed');
  });
});

describe('a consumer that asks for time', () => {
  it('gets it at its first failure', () => {
    fail(1, 30);
    expect([lane.state, lane.availableSlots, lane.retryInMs]).toEqual(['open', 0, 30_000]);
    nowMs += 30_000;
    expect([lane.state, lane.availableSlots]).toEqual(['closed', 1]);
  });

  it.each([
    [3_600, 3_600_000],
    [3_601, 3_600_000],
    [9_999_999_999, 3_600_000],
    [0, 0],
  ])('of %d s gets %d ms', (askedSeconds, givenMs) => {
    fail(1, askedSeconds);
    expect(lane.retryInMs).toBe(givenMs);
  });

  it('gets the longest time that it has asked for', () => {
    fail(1, 30);
    fail(1, 60);
    fail(1, 10);
    expect(lane.retryInMs).toBe(60_000);
  });

  it('of less than the breaker waits gets no less', () => {
    fail(4);
    fail(1, 1);
    expect(lane.retryInMs).toBeGreaterThanOrEqual(0.75 * 5_000);
  });
});

it('tells when the consumer last took something', () => {
  expect(lane.lastSuccessAt).toBeUndefined();
  const before = Date.now();
  succeed();
  expect(lane.lastSuccessAt!.getTime()).toBeGreaterThanOrEqual(before);
});

type Step = 'begin' | 'succeed' | 'fail' | 'ask' | 'pass';

it('never gives more than the limit, nothing while open, and always something in the end', () => {
  const step = fc.constantFrom<Step>('begin', 'succeed', 'fail', 'ask', 'pass');
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 16 }), fc.array(step, { maxLength: 200 }), (concurrency, steps) => {
      of(concurrency);
      let underWay = 0;
      const settle: Partial<Record<Step, () => void>> = {
        succeed: () => succeed(),
        fail: () => fail(),
        ask: () => fail(1, 7),
      };
      for (const name of steps) {
        if (name === 'pass') nowMs += 1_000;
        else if (name === 'begin') {
          if (lane.availableSlots === 0) continue;
          lane.acquireSlot();
          underWay += 1;
        } else if (underWay > 0) {
          settle[name]!();
          lane.releaseSlot();
          underWay -= 1;
        }
        expect(underWay + lane.availableSlots).toBeLessThanOrEqual(concurrency);
        expect(lane.state === 'open').toBe(lane.retryInMs > 0);
        expect(lane.availableSlots).toBeLessThanOrEqual(
          { closed: concurrency, open: 0, 'half-open': 1 }[lane.state],
        );
      }
      for (; underWay > 0; underWay -= 1) lane.releaseSlot();
      pass();
      expect(lane.availableSlots).toBeGreaterThanOrEqual(1);
    }),
  );
});
