import type { FaultRule } from '../faults/fault.js';
import type { LoggedRequest } from '../server/request-log.js';
import type { ExternalIds, KigoAccount, KigoAccountChange } from './kigo-accounts.js';
import type { KigoRoute } from './kigo-paths.js';
import type { KigoSettings } from './kigo-settings.js';

export interface KigoSandboxOptions {
  /** Default 0: any free port. */
  port?: number;
  /** Default 127.0.0.1. */
  host?: string;
  /** Default 'demo-partner'. */
  partnerId?: string;
  /** Default 'demo-kigo-key'. */
  apiKey?: string;
  /** Default 1800; fractions allowed. */
  tokenTtlSeconds?: number;
  /** Of pages that may use the control API; none by default. */
  consoleOrigins?: readonly string[];
  /** Of the generators behind tokens and fault rates; default 1. */
  seed?: number;
}

/** A running simulated Kigo. Everything here is also on its control API under /__sandbox. */
export interface KigoSandbox {
  /** Origin without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /** Copies of the calls so far in order of arrival; control calls are not among them. */
  requests(route?: KigoRoute): LoggedRequest[];
  /** Forgets the calls so far, nothing else. */
  clearRequests(): void;
  /** Most calls of a route that were ever open at once; more than 1 login is a login storm. */
  maxConcurrent(route: KigoRoute): number;
  /** Changes the given switches and returns all of them. Throws on an unknown or ill-formed one. */
  configure(settings: Partial<KigoSettings>): KigoSettings;
  /** Adds a fault rule behind those there are and returns its id. Throws on an ill-formed one. */
  addFault(rule: FaultRule): number;
  clearFaults(): void;
  /** Creates an account or changes the given fields of one. */
  setAccount(account: KigoAccountChange): KigoAccount;
  /** Whether there was such an account. */
  removeAccount(which: ExternalIds): boolean;
  /** Revokes every token and returns how many were valid. */
  revokeAllTokens(): number;
  /** Moves the clock that tokens live by, in milliseconds; returns the new time. */
  advance(ms: number): number;
  /** Everything as at the start; calls still waiting for their response are dropped. */
  reset(): void;
  /** Stops listening and destroys every connection. */
  close(): Promise<void>;
}
