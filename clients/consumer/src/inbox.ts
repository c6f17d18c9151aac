/** What is remembered of an entry. */
export interface InboxEntry {
  /** The `webhook-id`. */
  readonly id: string;
  /** A hash of what makes a reward unique: after a restore of the gateway, the same one may come under a new id. */
  readonly reward: string;
  /** A hash of who got what. */
  readonly credit: string;
  /** When the gateway received it (RFC 3339). */
  readonly receivedAt: string;
}

/**
 * `conflict`: its reward has been handled under another id, and for another user, content or quantity.
 * `expired`: it is older than what the inbox remembers, so nobody knows whether it has been handled.
 */
export type InboxOutcome = 'handled' | 'duplicate' | 'conflict' | 'expired';

/** Remembers the entries that have been handled, in the database in which the handler writes. */
export interface Inbox<Tx> {
  /**
   * Handles an entry unless it has been: remembers it and runs `handle` in one transaction. Another call for the same entry waits
   * for that. If `handle` rejects, nothing is kept.
   */
  once(entry: InboxEntry, handle: (tx: Tx) => void | Promise<void>): Promise<InboxOutcome>;
  /** Where to go on reading the feed. */
  loadCursor(): Promise<string | undefined>;
  saveCursor(cursor: string): Promise<void>;
  /**
   * Forgets entries that the gateway received more than `days` ago (400 unless given). If there were any, it handles none from that
   * time any more.
   * @returns how many it forgot
   * @throws RangeError for less than 30 days
   */
  purge(days?: number): Promise<number>;
}

export const PURGE_DAYS = 400;
/** An outage, a quarantined entry and a dead delivery must have found somebody before. */
export const MIN_PURGE_DAYS = 30;

/** @throws RangeError */
export function checkPurgeDays(days: number): void {
  if (Number.isInteger(days) && days >= MIN_PURGE_DAYS) return;
  throw new RangeError(
    `purge: days must be a whole number of at least ${MIN_PURGE_DAYS}. Entries from before are not handled any more.`,
  );
}
