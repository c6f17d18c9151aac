/** Thrown by `handle`: nothing is kept, and the gateway sends the event again after this time, at most three days. */
export class RetryLater extends Error {
  override readonly name = 'RetryLater';

  constructor(readonly seconds: number) {
    if (!(seconds > 0 && seconds <= 3 * 86_400))
      throw new RangeError('RetryLater: seconds must be more than 0, and at most three days.');
    super(`The event is to be sent again in ${seconds} s.`);
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
