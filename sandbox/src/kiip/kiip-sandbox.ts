import type { ScenarioName } from './callback-scenarios.js';
import type { Delivery } from './callback-sender.js';
import type { BatchOptions, CallbackSpec } from './callback-spec.js';
import type { FaultRule } from '../faults/fault.js';
import type { LoggedRequest } from '../server/request-log.js';
import type { KiipRoute } from './kiip-paths.js';
import type { KiipReward } from './kiip-rewards.js';
import type { KiipSession } from './kiip-sessions.js';
import type { KiipSettings } from './kiip-settings.js';

export interface KiipSandboxOptions {
  /** Default 0: any free port. */
  port?: number;
  /** Default 127.0.0.1. */
  host?: string;
  /** Default 'demo-kiip-app-key'. */
  appKey?: string;
  /** Default 'demo-kiip-app-secret'. */
  appSecret?: string;
  /** Where callbacks go; nowhere by default. */
  callbackUrl?: string;
  /** Of pages that may use the control API; none by default. */
  consoleOrigins?: readonly string[];
  /** Of the generators behind ids and fault rates; default 1. */
  seed?: number;
}

/** A running simulated Kiip. Everything here is also on its control API under /__sandbox. */
export interface KiipSandbox {
  /** Origin without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /** Copies of the calls so far in order of arrival; control calls are not among them. */
  requests(route?: KiipRoute): LoggedRequest[];
  /** Forgets the calls so far, nothing else. */
  clearRequests(): void;
  /** Most calls of a route that were ever open at once. */
  maxConcurrent(route: KiipRoute): number;
  /** Changes the given switches and returns all of them. Throws on an unknown or ill-formed one. */
  configure(settings: Partial<KiipSettings>): KiipSettings;
  /** Adds a fault rule behind those there are and returns its id. Throws on an ill-formed one. */
  addFault(rule: FaultRule): number;
  clearFaults(): void;
  /** The latest session of each device. */
  sessions(): KiipSession[];
  /** Rewards given, oldest first. */
  rewards(): KiipReward[];
  /**
   * Redeems a reward by its view id (default: the latest) as its page does, and resolves with its callback; undefined
   * when the reward has no user or there is no callback URL. Rejects when it is unknown or redeemed already.
   */
  redeem(viewId?: string): Promise<Delivery | undefined>;
  /** Sends one callback; resolves after the first attempt, or at once when it is delayed. Rejects an ill-formed one. */
  sendCallback(spec?: CallbackSpec): Promise<Delivery>;
  /** Sends several, in turn or at once; resolves with their deliveries in order of the specs. */
  sendCallbacks(specs: readonly CallbackSpec[], options?: BatchOptions): Promise<Delivery[]>;
  /** Sends the callbacks of a scripted scenario, round after round. */
  playScenario(name: ScenarioName): Promise<Delivery[]>;
  /** Every callback with its state and attempts, oldest first. */
  deliveries(): Delivery[];
  /** Resolves once no callback is in flight; delayed ones go on waiting. */
  settled(): Promise<void>;
  /** Survives a reset. Issuances go to the same URL unless they have their own. */
  setCallbackUrl(url: string | null, issuanceUrl?: string | null): void;
  /** Moves the clock that ids, dates, delays and retries go by, in milliseconds; returns the new time. */
  advance(ms: number): number;
  /** Everything as at the start; calls still waiting for their response are dropped, callbacks in flight are aborted. */
  reset(): void;
  /** Stops listening and sending, and destroys every connection. */
  close(): Promise<void>;
}
