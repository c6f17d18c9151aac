import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { Database } from '../database/database.js';
import type { DeliveryStatus, Tables } from '../database/tables.js';

export interface Delivery {
  readonly id: string;
  readonly issuanceId: string;
  readonly consumer: string;
  readonly status: DeliveryStatus;
  readonly attempts: number;
  readonly lastStatus: number | null;
  readonly nextAttemptAt: Date | null;
}

export interface DeliveryQuery {
  readonly consumer?: string | undefined;
  readonly status?: DeliveryStatus | undefined;
  /** The id of the last delivery that is known. */
  readonly after?: string | undefined;
  readonly limit: number;
}

export interface DeliveryHistory extends Delivery {
  readonly acceptedAt: Date;
  readonly endedAt: Date | null;
  readonly log: readonly {
    readonly at: Date;
    readonly durationMs: number;
    readonly status: number | null;
    readonly outcome: string;
  }[];
}

/** The deliveries as people see and steer them. Every method throws StorageUnavailable. */
@Injectable()
export class DeliveriesService {
  constructor(private readonly database: Database) {}

  /** Oldest first. */
  async list({ consumer, status, after = '0', limit }: DeliveryQuery): Promise<Delivery[]> {
    const rows = await this.database.run((db) => {
      let query = db
        .selectFrom('deliveries')
        .selectAll()
        .where(sql<boolean>`id > ${after}::bigint`);
      if (consumer !== undefined) query = query.where('consumer', '=', consumer);
      if (status !== undefined) query = query.where('status', '=', status);
      return query.orderBy('id').limit(limit).execute();
    });
    return rows.map(toDelivery);
  }

  /**
   * Makes a delivery due now, whatever it was: a dead one is tried for three days again, a delivered one goes out once more, and
   * an attempt that is under way no longer decides. Who steers by hand has seen to a paused consumer: its pause ends.
   * @param consumers those that anything is sent to
   */
  async retry(id: string, consumers: readonly string[]): Promise<Delivery | 'not-found' | 'no-consumer'> {
    const row = await this.database.run((db) =>
      db
        .with('again', (cte) =>
          cte
            .updateTable('deliveries')
            .set({
              status: 'pending',
              tries: 0,
              schedule_started_at: null,
              next_attempt_at: sql<Date>`now()`,
              ended_at: null,
              claim: null,
              lease_expires_at: null,
            })
            .where(sql<boolean>`id = ${id}::bigint`)
            .where((eb) => eb('consumer', '=', eb.fn.any(eb.val([...consumers]))))
            .returningAll(),
        )
        .with('resumed', (cte) =>
          cte
            .deleteFrom('delivery_pauses')
            .where('consumer', 'in', (eb) => eb.selectFrom('again').select('consumer')),
        )
        .selectFrom('again')
        .selectAll()
        .executeTakeFirst(),
    );
    if (row) return toDelivery(row);
    const known = await this.database.run((db) =>
      db
        .selectFrom('deliveries')
        .select('id')
        .where(sql<boolean>`id = ${id}::bigint`)
        .executeTakeFirst(),
    );
    return known ? 'no-consumer' : 'not-found';
  }

  /** What has become of a ledger row: when it was accepted, if ever, and each delivery with its attempts. */
  async historyOf(ledgerId: string): Promise<{ acceptedAt: Date | null; deliveries: DeliveryHistory[] }> {
    const [waiting, rows, attempts] = await this.database.run((db) =>
      Promise.all([findOutboxEntry(db, ledgerId), findDeliveries(db, ledgerId), findAttempts(db, ledgerId)]),
    );
    const deliveries = rows.map((row) => ({
      ...toDelivery(row),
      acceptedAt: row.accepted_at,
      endedAt: row.ended_at,
      log: attempts
        .filter(({ delivery_id }) => String(delivery_id) === String(row.id))
        .map(({ started_at: at, duration_ms: durationMs, status, outcome }) => ({
          at,
          durationMs,
          status,
          outcome,
        })),
    }));
    const acceptedAt = waiting?.created_at ?? deliveries[0]?.acceptedAt ?? null;
    return { acceptedAt, deliveries };
  }
}

function findOutboxEntry(db: Kysely<Tables>, ledgerId: string) {
  return db
    .selectFrom('delivery_outbox')
    .select('created_at')
    .where('ledger_id', '=', ledgerId)
    .executeTakeFirst();
}

function findDeliveries(db: Kysely<Tables>, ledgerId: string) {
  return db
    .selectFrom('deliveries')
    .selectAll()
    .where('ledger_id', '=', ledgerId)
    .orderBy('consumer')
    .execute();
}

function findAttempts(db: Kysely<Tables>, ledgerId: string) {
  return db
    .selectFrom('delivery_attempts')
    .selectAll()
    .where('delivery_id', 'in', (eb) =>
      eb.selectFrom('deliveries').select('id').where('ledger_id', '=', ledgerId),
    )
    .orderBy('number')
    .execute();
}

interface DeliveryRow {
  id: string | number;
  ledger_id: string;
  consumer: string;
  status: DeliveryStatus;
  attempts: number;
  last_status: number | null;
  next_attempt_at: Date | null;
}

function toDelivery(row: DeliveryRow): Delivery {
  return {
    id: String(row.id),
    issuanceId: row.ledger_id,
    consumer: row.consumer,
    status: row.status,
    attempts: row.attempts,
    lastStatus: row.last_status,
    nextAttemptAt: row.next_attempt_at,
  };
}
