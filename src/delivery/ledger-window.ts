import { sql } from 'kysely';
import { firstLedgerIdAt } from '../kiip/ledger-id.js';
import { invalid } from '../problem/api-problems.decorator.js';

/** Ledger rows by when their callback arrived: from `from`, up to but without `to`. */
export interface LedgerWindow {
  readonly from: Date;
  readonly to: Date;
}

/**
 * What is still to come is no part of a window.
 * @throws Problem `validation`
 */
export function windowOf(from: string, to: string, now = Date.now()): LedgerWindow {
  if (Date.parse(from) >= Date.parse(to)) throw invalid('/to', 'to must be later than from');
  return { from: new Date(from), to: new Date(Math.min(Date.parse(to), now)) };
}

/** A row gets its id a little after its callback has arrived, by the same clock. */
const slackMs = 600_000;

/** `l` is the ledger. Ids begin with the time, so the primary key serves windows of time as well. */
export function received({ from, to }: LedgerWindow) {
  return sql`l.id >= ${firstLedgerIdAt(from.getTime())} and l.id < ${firstLedgerIdAt(to.getTime() + slackMs)}
    and l.received_at >= ${from} and l.received_at < ${to}`;
}

export const accepted = sql`l.status in ('recorded', 'released')`;
