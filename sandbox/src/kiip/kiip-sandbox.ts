import { Agenda } from '../server/agenda.js';
import type { ScenarioName } from './callback-scenarios.js';
import { CallbackSender } from './callback-sender.js';
import type { Delivery } from './callback-sender.js';
import { CALLBACK_HELP } from './callback-spec.js';
import type { BatchOptions, CallbackSpec } from './callback-spec.js';
import { ControlInputError, defined } from '../server/check.js';
import { FaultBook } from '../faults/fault-book.js';
import type { FaultRule } from '../faults/fault.js';
import { Journal } from '../server/journal.js';
import type { JournalEntry } from '../server/journal.js';
import { KiipCallbacks } from './kiip-callbacks.js';
import { kiipControl } from './kiip-control.js';
import { KiipIds } from './kiip-ids.js';
import { KIIP_ROUTES } from './kiip-paths.js';
import type { KiipRoute } from './kiip-paths.js';
import { kiipUrls } from './kiip-reward-page.js';
import { KiipRewards } from './kiip-rewards.js';
import type { KiipReward } from './kiip-rewards.js';
import { KiipSessions } from './kiip-sessions.js';
import type { KiipSession } from './kiip-sessions.js';
import { checkKiipSettings, KIIP_DEFAULTS } from './kiip-settings.js';
import type { KiipSettings } from './kiip-settings.js';
import { KiipVendor } from './kiip-vendor.js';
import { sharedControl } from '../server/shared-control.js';
import { startVendorServer } from '../server/vendor-server.js';
import { VirtualClock } from '../server/virtual-clock.js';

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
  /** Of the generators behind ids and fault rates; default 1. */
  seed?: number;
}

/** A running simulated Kiip. Everything here is also on its control API under /__sandbox. */
export interface KiipSandbox {
  /** Origin without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /** Copies of the calls so far in order of arrival; control calls are not among them. */
  journal(route?: KiipRoute): JournalEntry[];
  /** Forgets the calls so far, nothing else. */
  clearJournal(): void;
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
  /** What has become of every callback, oldest first. */
  deliveries(): Delivery[];
  /** Resolves once no callback is under way; those that wait for their time go on waiting. */
  settled(): Promise<void>;
  /** Survives a reset. Issuances go to the same URL unless they have their own. */
  setCallbackUrl(url: string | null, issuanceUrl?: string | null): void;
  /** Moves the clock that ids, dates, delays and retries go by, in milliseconds; returns the new time. */
  advance(ms: number): number;
  /** Everything as at the start; calls still waiting for their answer are dropped, callbacks under way broken off. */
  reset(): void;
  /** Stops listening and sending, and destroys every connection. */
  close(): Promise<void>;
}

/** Starts a simulated Kiip. Rejects when the port is taken. */
export async function startKiipSandbox(options: KiipSandboxOptions = {}): Promise<KiipSandbox> {
  const { host = '127.0.0.1', port = 0, seed = 1, appKey, appSecret, callbackUrl = null } = options;
  const given: Partial<KiipSettings> = { appKey, appSecret };
  checkKiipSettings(given);
  const initial: KiipSettings = { ...KIIP_DEFAULTS, ...defined(given) };
  let settings = initial;
  const clock = new VirtualClock();
  const journal = new Journal();
  const faults = new FaultBook(KIIP_ROUTES, seed);
  const ids = new KiipIds(clock, seed);
  const sessions = new KiipSessions();
  const rewards = new KiipRewards();
  const sender = new CallbackSender(clock, new Agenda(clock), () => settings);
  const callbacks = new KiipCallbacks(sender, rewards, ids, () => settings);
  callbacks.setUrls({ url: callbackUrl, issuanceUrl: null });

  const use = (reward: KiipReward): Promise<Delivery | undefined> => {
    reward.used_date = ids.date();
    return callbacks.redeemed(reward);
  };
  const vendor = new KiipVendor({
    settings: () => settings,
    ids,
    sessions,
    rewards,
    redeem: (reward) => {
      void use(reward);
      return kiipUrls(reward, settings.appSecret);
    },
  });

  const handle: Omit<KiipSandbox, 'url' | 'port' | 'close'> = {
    journal: (route) => journal.list(route),
    clearJournal: () => journal.clear(),
    maxConcurrent: (route) => journal.maxConcurrent(route),
    configure(changes) {
      checkKiipSettings(changes);
      settings = { ...settings, ...defined(changes) };
      return structuredClone(settings);
    },
    addFault: (rule) => faults.add(rule),
    clearFaults: () => faults.clear(),
    sessions: () => sessions.list(),
    rewards: () => rewards.list(),
    async redeem(viewId = 'latest') {
      const reward = rewards.find(viewId);
      if (!reward) throw new ControlInputError('reward', 'names no reward');
      if (reward.used_date !== null) throw new ControlInputError('reward', 'has been redeemed already');
      return use(reward);
    },
    sendCallback: (spec = {}) => callbacks.send(spec),
    sendCallbacks: (specs, batch) => callbacks.sendAll(specs, batch),
    playScenario: (name) => callbacks.play(name),
    deliveries: () => sender.list(),
    settled: () => sender.settled(),
    setCallbackUrl: (url, issuanceUrl = null) => callbacks.setUrls({ url, issuanceUrl }),
    advance: (ms) => clock.advance(ms),
    reset() {
      server.dropCalls();
      settings = initial;
      sender.reset();
      clock.reset();
      faults.reset();
      ids.reset();
      sessions.clear();
      rewards.clear();
      vendor.reset();
      journal.reset();
    },
  };
  const control = [...sharedControl({ faults, journal, clock }, KIIP_ROUTES), ...kiipControl(handle)];
  const server = await startVendorServer({
    vendor,
    journal,
    faults,
    control,
    controlHelp: CALLBACK_HELP,
    host,
    port,
  });
  return {
    ...handle,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${server.port}`,
    port: server.port,
    close: async () => {
      sender.reset();
      await server.close();
    },
  };
}
