/** Thrown by `handle`: nothing is kept, and the gateway sends this event again after this time, at most three days. Others go on. */
export class RetryLater extends Error {
  override readonly name = 'RetryLater';

  constructor(readonly seconds: number) {
    if (!(seconds > 0 && seconds <= 3 * 86_400))
      throw new RangeError('RetryLater: seconds must be more than 0, and at most three days.');
    super(`The event is to be sent again in ${seconds} s.`);
  }
}

/** Thrown by `handle`: nothing is kept, and the gateway sends no event at all for this time, at most an hour. */
export class ConsumerUnavailable extends Error {
  override readonly name = 'ConsumerUnavailable';

  constructor(
    readonly seconds: number,
    options?: ErrorOptions,
  ) {
    if (!(seconds > 0 && seconds <= 3_600))
      throw new RangeError('ConsumerUnavailable: seconds must be more than 0, and at most an hour.');
    super(`The consumer takes no events for ${seconds} s.`, options);
  }
}

/** Thrown by `handle`: nothing is kept, and the gateway pauses the consumer until somebody resumes it. */
export class ConsumerGone extends Error {
  override readonly name = 'ConsumerGone';

  constructor(message = 'The consumer wants no more events.') {
    super(message);
  }
}

/** A request that is not answered as its sender wants. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly status: number,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
