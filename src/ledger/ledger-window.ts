import { sql } from 'kysely';
import { firstLedgerIdAt } from './ledger-id.js';
import { invalid } from '../problem/problem-catalogue.js';

/**
 * Ledger rows by when they entered the ledger: from `from`, up to but without `to`. Their ids begin with that time, so the
 * primary key serves windows of time, and no row is in none. A callback that was refused at first, and taken in by
 * `kiip:reverify`, entered when it was taken in.
 */
export interface LedgerWindow {
  readonly from: Date;
  readonly to: Date;
}

/**
 * What is still to come is no part of a window.
 * @throws Problem `validation`
 */
export function toLedgerWindow(from: string, to: string, now = Date.now()): LedgerWindow {
  const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
  if (fromMs >= toMs) throw invalid('/to', 'to must be later than from');
  return { from: new Date(Math.max(fromMs, 0)), to: new Date(Math.max(Math.min(toMs, now), 0)) };
}

/** `l` is the ledger. */
export function inWindow({ from, to }: LedgerWindow) {
  return sql`l.id >= ${firstLedgerIdAt(from.getTime())} and l.id < ${firstLedgerIdAt(to.getTime())}`;
}

export const isAccepted = sql`l.status in ('recorded', 'released')`;
