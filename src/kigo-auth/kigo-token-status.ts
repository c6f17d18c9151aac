import type { KigoToken } from './kigo-token.js';

/** What others may know of the partner token, to report it; never the token itself. */
export abstract class KigoTokenStatus {
  /** Undefined while there is no token. */
  abstract readonly current: Pick<KigoToken, 'issuedAt' | 'expiresAt'> | undefined;
  /** Calls since the start that waited for a renewal that another call had begun. */
  abstract readonly coalescedWaits: number;
}
