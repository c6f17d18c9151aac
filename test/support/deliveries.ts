import { sql } from 'kysely';
import { Webhook } from 'standardwebhooks';
import { Database } from '../../src/database/database.js';
import type { ReceivedCallback } from './callback-receiver.js';
import { eventOf, secret, signatureOf } from './consumer.js';
import { redemption } from './kiip.js';
import type { Fields, KiipGateway } from './kiip.js';
import { until } from './wait-for.js';

/** A delivery as the gateway shows it. */
export interface ShownDelivery {
  readonly id: string;
  readonly issuance_id: string;
  readonly consumer: string;
  readonly status: 'pending' | 'delivered' | 'dead';
  readonly attempts: number;
  readonly last_status: number | null;
  readonly next_attempt_at: string | null;
}

/** A pending delivery after an attempt, by the database's own clock. */
export interface Waiting {
  readonly consumer: string;
  readonly attempts: number;
  readonly outcome: string;
  /** From the end of the last attempt to the next. */
  readonly waitsMs: number;
}

/** Sends callbacks to a gateway, and looks at what becomes of them. */
export class DeliveryView {
  constructor(private readonly gateway: KiipGateway) {}

  /** @returns the ledger id of a callback that was accepted */
  async record(fields: Fields = redemption()): Promise<string> {
    const { status, body } = await this.gateway.callback(fields);
    if (body['status'] !== 'recorded') throw new Error(`the callback was answered ${status}`);
    return String(body['id']);
  }

  async page(query = ''): Promise<{ items: ShownDelivery[]; next: string }> {
    const response = await this.gateway.get(`/api/v1/deliveries${query}`);
    if (!response.ok) throw new Error(`the list was answered ${response.status}`);
    return (await response.json()) as { items: ShownDelivery[]; next: string };
  }

  async list(query = '?limit=500'): Promise<ShownDelivery[]> {
    return (await this.page(query)).items;
  }

  /** Waits until what is shown is as it is to be. */
  until(what: string, holds: (items: ShownDelivery[]) => boolean, query?: string): Promise<void> {
    return until(what, async () => holds(await this.list(query)));
  }

  async retry(id: string): Promise<ShownDelivery> {
    const response = await this.gateway.post(`/api/v1/deliveries/${id}/retry`, {});
    if (response.status !== 202) throw new Error(`the retry was answered ${response.status}`);
    return (await response.json()) as ShownDelivery;
  }

  /** The counts since ever. */
  async books(): Promise<Record<string, unknown>> {
    return this.gateway.read('/reconciliation?from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z');
  }

  async query<T>(text: string): Promise<T[]> {
    const database = this.gateway.app.get(Database, { strict: false });
    return (await database.run((db) => sql.raw<T>(text).execute(db))).rows;
  }

  waiting(): Promise<Waiting[]> {
    return this.query(`
      select consumer, attempts, outcome,
        (extract(epoch from next_attempt_at - started_at) * 1000 - duration_ms)::float8 as "waitsMs"
      from deliveries join delivery_attempts on delivery_id = id and number = attempts where deliveries.status = 'pending'`);
  }
}

/** Proves twice, by the reference library and by the platform alone, that a call bears a signature of its own time. */
export function expectGenuine(call: ReceivedCallback): void {
  const { id, timestamp, signatures, body } = eventOf(call);
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures[0]! };
  expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
  expect(signatures).toEqual([signatureOf(id, timestamp, body)]);
}

/** All attempts at one event: the same id and the same text each time, signed anew. */
export function expectSameEvent(calls: readonly ReceivedCallback[]): void {
  for (const call of calls) expectGenuine(call);
  const events = calls.map(eventOf);
  expect(new Set(events.map(({ id }) => id)).size).toBe(1);
  expect(new Set(events.map(({ body }) => body)).size).toBe(1);
}
