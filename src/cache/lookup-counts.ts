import type { Provenance } from './cache-entry.js';
import type { Acquisition, LeaseState } from './entry-lease.service.js';

/** Why the source was asked; `refresh`: in the background, shortly before the entry expires. */
export type FetchReason = 'miss' | 'expired' | 'refresh' | 'bypass';

/** Lookups under one policy since the start. */
export interface LookupCounts {
  readonly outcomes: Readonly<Record<Provenance | 'failed', number>>;
  /** Lookups that waited for a request to the source that another lookup of this replica had sent. */
  readonly coalesced: number;
  /** Requests to the source. */
  readonly fetches: Readonly<Record<FetchReason, Readonly<Record<LeaseState, number>>>>;
  /** Waits for a request of another replica. */
  readonly waits: Readonly<Record<Acquisition['outcome'], number>>;
}

export interface MutableCounts extends LookupCounts {
  readonly outcomes: Record<Provenance | 'failed', number>;
  coalesced: number;
  readonly fetches: Record<FetchReason, Record<LeaseState, number>>;
  readonly waits: Record<Acquisition['outcome'], number>;
  /** How long the last request to the source took. */
  fetchMs: number;
}

const newStates = (): Record<LeaseState, number> => ({ held: 0, lost: 0, unknown: 0 });

export function newCounts(): MutableCounts {
  return {
    outcomes: { hit: 0, miss: 0, expired: 0, bypass: 0, stale: 0, failed: 0 },
    coalesced: 0,
    fetches: { miss: newStates(), expired: newStates(), refresh: newStates(), bypass: newStates() },
    waits: { entry: 0, failed: 0, acquired: 0, overdue: 0, unavailable: 0 },
    fetchMs: 0,
  };
}
