import { sql } from 'kysely';
import { Webhook } from 'standardwebhooks';
import { Database } from '../../src/database/database.js';
import type { ReceivedCallback } from './callback-receiver.js';
import { parseEvent, CONSUMER_SECRET, signPayload } from './consumer.js';
import { redemption } from './kiip.js';
import type { Fields, KiipGateway } from './kiip.js';
import { waitFor } from './wait-for.js';

/** A delivery in a response of the gateway. */
export interface DeliveryResource {
  readonly id: string;
  readonly issuance_id: string;
  readonly consumer: string;
  readonly status: 'pending' | 'delivered' | 'dead';
  readonly attempts: number;
  readonly last_status: number | null;
  readonly next_attempt_at: string | null;
}

/** A pending delivery after an attempt, by the clock of the database. */
export interface PendingDelivery {
  readonly consumer: string;
  readonly attempts: number;
  readonly outcome: string;
  /** From the end of the last attempt to the start of the next. */
  readonly waitsMs: number;
}

/** Records callbacks at a gateway and reads their deliveries. */
export class DeliveryView {
  constructor(private readonly gateway: KiipGateway) {}

  /** @returns the ledger id of the recorded callback */
  async record(fields: Fields = redemption()): Promise<string> {
    const { status, body } = await this.gateway.callback(fields);
    if (body['status'] !== 'recorded') throw new Error(`the callback got status ${status}`);
    return String(body['id']);
  }

  async page(query = ''): Promise<{ items: DeliveryResource[]; next: string }> {
    const response = await this.gateway.get(`/api/v1/deliveries${query}`);
    if (!response.ok) throw new Error(`the list got status ${response.status}`);
    return (await response.json()) as { items: DeliveryResource[]; next: string };
  }

  async list(query = '?limit=500'): Promise<DeliveryResource[]> {
    return (await this.page(query)).items;
  }

  /** Waits until the listed deliveries meet a condition. */
  waitFor(what: string, holds: (items: DeliveryResource[]) => boolean, query?: string): Promise<void> {
    return waitFor(what, async () => holds(await this.list(query)));
  }

  async retry(id: string): Promise<DeliveryResource> {
    const response = await this.gateway.post(`/api/v1/deliveries/${id}/retry`, {});
    if (response.status !== 202) throw new Error(`the retry got status ${response.status}`);
    return (await response.json()) as DeliveryResource;
  }

  /** The reconciliation totals of all time. */
  async totals(): Promise<Record<string, unknown>> {
    return this.gateway.read('/reconciliation?from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z');
  }

  async query<T>(text: string): Promise<T[]> {
    const database = this.gateway.app.get(Database, { strict: false });
    return (await database.run((db) => sql.raw<T>(text).execute(db))).rows;
  }

  pending(): Promise<PendingDelivery[]> {
    return this.query(`
      select consumer, attempts, outcome,
        (extract(epoch from next_attempt_at - started_at) * 1000 - duration_ms)::float8 as "waitsMs"
      from deliveries join delivery_attempts on delivery_id = id and number = attempts where deliveries.status = 'pending'`);
  }
}

/** Verifies the signature of a call twice: with the reference library, and with the HMAC of Node.js alone. */
export function expectValidSignature(call: ReceivedCallback): void {
  const { id, timestamp, signatures, body } = parseEvent(call);
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures[0]! };
  expect(new Webhook(CONSUMER_SECRET).verify(body, headers)).toEqual(JSON.parse(body));
  expect(signatures).toEqual([signPayload(id, timestamp, body)]);
}

/** Checks that all attempts of an event have the same id and body, and a valid signature each. */
export function expectSameEvent(calls: readonly ReceivedCallback[]): void {
  for (const call of calls) expectValidSignature(call);
  const events = calls.map(parseEvent);
  expect(new Set(events.map(({ id }) => id)).size).toBe(1);
  expect(new Set(events.map(({ body }) => body)).size).toBe(1);
}
