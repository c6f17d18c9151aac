import { Webhook } from 'standardwebhooks';

export const CURRENCY_ISSUED = 'kiip.currency.issued';
/** It is about nothing: for trying the way to a consumer. */
export const TEST_EVENT = 'gateway.test';

export interface Message {
  /** The `webhook-id`. */
  readonly id: string;
  readonly type: string;
  /** The time of the event. */
  readonly timestamp: Date;
  readonly data: object;
}

/** A webhook message (Standard Webhooks). Every attempt has the same body and a new signature. */
export interface SignedEvent {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * @param signedAt by the clock of the database: consumers reject a signature whose time differs too much from theirs
 * @param secrets `whsec_…`; one signature each, so that a consumer can rotate its secret at any time
 */
export function signEvent(
  { id, type, timestamp, data }: Message,
  signedAt: Date,
  secrets: readonly string[],
): SignedEvent {
  const body = JSON.stringify({ type, timestamp: timestamp.toISOString(), data });
  const signatures = secrets.map((secret) => new Webhook(secret).sign(id, signedAt, body));
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'rewards-gateway',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(signedAt.getTime() / 1000)),
      'webhook-signature': signatures.join(' '),
    },
  };
}
