import { Injectable, Logger } from '@nestjs/common';
import { newLruMap } from '../async/lru-map.js';
import { Config } from '../config/config.js';
import { networkOf } from '../connections/client-network.js';

const WINDOW_MS = 60_000;
/** So many addresses are counted; beyond that it forgets those not seen for the longest time. */
const MAX_TRACKED = 20_000;

interface Window {
  readonly endsAt: number;
  failures: number;
}

/**
 * Counts failed credentials by client address (an IPv6 address by its /64 network). An address with too many in a minute is
 * limited: its guesses no longer learn whether they were right. Credentials that have worked from there before still do.
 */
@Injectable()
export class FailedCredentialsService {
  readonly counts = { rejected: 0, limited: 0 };
  private readonly logger = new Logger('CallerAuth');
  private readonly windows = newLruMap<Window>(MAX_TRACKED);
  private readonly worked = newLruMap<true>(MAX_TRACKED);
  private readonly limit: number;

  constructor({ failedCredentialsPerMinute }: Config) {
    this.limit = failedCredentialsPerMinute === 0 ? Infinity : Math.ceil(failedCredentialsPerMinute);
  }

  /** @returns the seconds until this credential is looked at again, or undefined if it may be used */
  noteSuccess(address: string, caller: string): number | undefined {
    const network = networkOf(address);
    const key = `${network} ${caller}`;
    const waitMs = this.remainingMs(network);
    if (this.worked.get(key)) return undefined;
    if (waitMs !== undefined) return this.countLimited(waitMs);
    this.worked.set(key, true);
    return undefined;
  }

  /** @returns whether credentials from this address are limited, so that `noteSuccess` has to decide */
  isLimited(address: string): boolean {
    return this.remainingMs(networkOf(address)) !== undefined;
  }

  /** @returns the seconds to wait, or undefined while the address is not limited */
  noteFailure(address: string): number | undefined {
    const network = networkOf(address);
    const waitMs = this.remainingMs(network);
    if (waitMs !== undefined) return this.countLimited(waitMs);
    this.counts.rejected += 1;
    const now = performance.now();
    const current = this.windows.get(network);
    const window = current && now < current.endsAt ? current : { endsAt: now + WINDOW_MS, failures: 0 };
    window.failures += 1;
    this.windows.set(network, window);
    if (window.failures === this.limit)
      this.logger.warn({ msg: 'failed credentials are limited for a minute', address: network });
    return undefined;
  }

  private countLimited(waitMs: number): number {
    this.counts.limited += 1;
    return Math.max(1, Math.ceil(waitMs / 1000));
  }

  /** How long the address is limited; undefined if it is not. */
  private remainingMs(network: string): number | undefined {
    const window = this.windows.get(network);
    const remaining = window && window.failures >= this.limit ? window.endsAt - performance.now() : 0;
    return remaining > 0 ? remaining : undefined;
  }
}
