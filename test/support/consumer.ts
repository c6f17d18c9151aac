import { createHmac } from 'node:crypto';
import type { ReceivedCallback } from './callback-receiver.js';

export const CONSUMER_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

/** Signs as the specification says (standard-webhooks.md), with nothing but the platform's HMAC. */
export function signPayload(id: string, timestamp: string, body: string, key = CONSUMER_SECRET): string {
  const bytes = Buffer.from(key.slice('whsec_'.length), 'base64');
  return `v1,${createHmac('sha256', bytes).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}

/** DELIVERY_CONSUMERS with one consumer at an address. */
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
