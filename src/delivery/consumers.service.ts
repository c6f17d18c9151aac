import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { Actor } from '../audit/audit.queries.js';
import { Config } from '../config/config.js';
import type { Consumer } from '../config/parsers.js';
import { Database } from '../database/database.js';
import type { Tables } from '../database/tables.js';
import { ConsumerHttp } from './consumer-http.js';
import type { DeliveryAttempt } from './consumer-http.js';
import { findPauses, pauseConsumer, resumeConsumer } from './consumer-pauses.queries.js';
import type { Pause } from './consumer-pauses.queries.js';
import type { BreakerState } from './consumer-throttle.js';
import { DeliveryWorker } from './delivery-worker.js';
import { TEST_EVENT, signEvent } from './webhook-event.js';

/** Counting more would take too long for an answer. */
const MAX_COUNT = 10_000;

export interface ConsumerState {
  readonly name: string;
  /** The URL without its path and query, which may contain a token. */
  readonly origin: string;
  readonly pause: Pause | undefined;
  /** Undefined where this process does not deliver. */
  readonly breaker: BreakerState | undefined;
  /** At most MAX_COUNT. */
  readonly pending: number;
  readonly dead: number;
}

/** The configured consumers and what a person may do with them. Every method but `has` throws StorageUnavailableError. */
@Injectable()
export class ConsumersService {
  private readonly consumers: readonly Consumer[];

  constructor(
    private readonly database: Database,
    private readonly config: Config,
    private readonly worker: DeliveryWorker,
  ) {
    this.consumers = config.deliveryConsumers ?? [];
  }

  has(name: string): boolean {
    return this.consumers.some((consumer) => consumer.name === name);
  }

  /** In the order of the configuration. */
  list(): Promise<ConsumerState[]> {
    return this.read(this.consumers);
  }

  /** Stops deliveries to a consumer in every replica until `resume`. Attempts in flight end. */
  async pause(name: string, actor: Actor): Promise<ConsumerState> {
    await this.database.run((db) => pauseConsumer(db, name, actor), 'reads');
    return this.get(name);
  }

  /** Ends every pause of a consumer, after a 410 as well. */
  async resume(name: string, actor: Actor): Promise<ConsumerState> {
    await this.database.run((db) => resumeConsumer(db, name, actor), 'reads');
    return this.get(name);
  }

  findPauses(): Promise<ReadonlyMap<string, Pause>> {
    return this.database.run((db) => findPauses(db, this.consumers), 'reads');
  }

  /** Sends one signed event that is about nothing, also to a paused consumer. Nothing is stored. */
  async sendTest(name: string): Promise<DeliveryAttempt & { readonly id: string }> {
    const consumer = this.find(name);
    // Deliveries are signed by the clock of the database, too.
    const now = await this.database.run(readClock, 'reads');
    const id = `test_${randomUUID()}`;
    const event = signEvent({ id, type: TEST_EVENT, timestamp: now, data: {} }, now, consumer.secrets);
    const http = new ConsumerHttp(consumer, this.config);
    try {
      return { id, ...(await http.send(event)) };
    } finally {
      await http.close();
    }
  }

  private find(name: string): Consumer {
    return this.consumers.find((consumer) => consumer.name === name)!;
  }

  private async get(name: string): Promise<ConsumerState> {
    return (await this.read([this.find(name)]))[0]!;
  }

  private async read(consumers: readonly Consumer[]): Promise<ConsumerState[]> {
    const [pauses, counts] = await this.database.run(
      (db) => Promise.all([findPauses(db, consumers), countUnfinished(db, consumers)]),
      'reads',
    );
    return consumers.map(({ name, url }) => ({
      name,
      origin: new URL(url).origin,
      pause: pauses.get(name),
      breaker: this.worker.consumers.find(({ consumer }) => consumer.name === name)?.throttle.state,
      pending: counts.get(name)!.pending,
      dead: counts.get(name)!.dead,
    }));
  }
}

const count = (status: 'pending' | 'dead') => sql`(
  select count(*)::int from (
    select from deliveries d where d.consumer = c.name and d.status = ${status} limit ${sql.lit(MAX_COUNT)}
  ) counted)`;

/** Counts along an index, and never far. */
async function countUnfinished(db: Kysely<Tables>, consumers: readonly Consumer[]) {
  const { rows } = await sql<{ name: string; pending: number; dead: number }>`
    select name, ${count('pending')} as pending, ${count('dead')} as dead
    from unnest(${consumers.map(({ name }) => name)}::text[]) as c (name)`.execute(db);
  return new Map(rows.map((row) => [row.name, row]));
}

async function readClock(db: Kysely<Tables>): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select now() as now`.execute(db);
  return rows[0]!.now;
}
