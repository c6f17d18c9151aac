import { createHmac } from 'node:crypto';
import type { ReceivedCallback } from './callback-receiver.js';

export const CONSUMER_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

/** Signs according to the Standard Webhooks specification with the HMAC of Node.js alone. */
export function signPayload(id: string, timestamp: string, body: string, key = CONSUMER_SECRET): string {
  const bytes = Buffer.from(key.slice('whsec_'.length), 'base64');
  return `v1,${createHmac('sha256', bytes).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}

/** A value of DELIVERY_CONSUMERS with one consumer. */
export function consumersConfig(url: string, more: object = {}): string {
  return JSON.stringify([consumer(url, more)]);
}

export function consumer(url: string, more: object = {}): object {
  return { name: 'wallet', url, secrets: [CONSUMER_SECRET], events: ['kiip.currency.issued'], ...more };
}

export interface ReceivedEvent {
  readonly id: string;
  readonly timestamp: string;
  readonly signatures: string[];
  readonly body: string;
  readonly event: { type: string; timestamp: string; data: Record<string, unknown> };
}

export function parseEvent({ headers, body }: Pick<ReceivedCallback, 'headers' | 'body'>): ReceivedEvent {
  return {
    id: String(headers['webhook-id']),
    timestamp: String(headers['webhook-timestamp']),
    signatures: String(headers['webhook-signature']).split(' '),
    body,
    event: JSON.parse(body) as ReceivedEvent['event'],
  };
}
