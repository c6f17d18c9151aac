import { sql } from 'kysely';
import { firstLedgerIdAt } from './ledger-id.js';
import { invalid } from '../problem/problem-catalogue.js';

/**
 * The entries created from `from` up to, but not including, `to`. Ids begin with the time of creation, so the primary
 * key serves time windows. An entry that `kiip:reverify` records is created at that time, not when it was received.
 */
export interface LedgerWindow {
  readonly from: Date;
  readonly to: Date;
}

/**
 * A window does not reach into the future.
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

export const IS_ACCEPTED = sql`l.status in ('recorded', 'released')`;
