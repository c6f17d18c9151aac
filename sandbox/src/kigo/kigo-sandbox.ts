import { defined } from '../server/check.js';
import { FaultBook } from '../faults/fault-book.js';
import type { FaultRule } from '../faults/fault.js';
import { Journal } from '../server/journal.js';
import type { JournalEntry } from '../server/journal.js';
import { KigoAccounts } from './kigo-accounts.js';
import type { ExternalIds, KigoAccount, KigoAccountChange } from './kigo-accounts.js';
import { kigoControl } from './kigo-control.js';
import { KIGO_ROUTES } from './kigo-paths.js';
import type { KigoRoute } from './kigo-paths.js';
import { checkKigoSettings, KIGO_DEFAULTS } from './kigo-settings.js';
import type { KigoSettings } from './kigo-settings.js';
import { KigoTokens } from './kigo-tokens.js';
import { KigoVendor } from './kigo-vendor.js';
import { sharedControl } from '../server/shared-control.js';
import { startVendorServer } from '../server/vendor-server.js';
import { VirtualClock } from '../server/virtual-clock.js';

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
  tokenLifeSeconds?: number;
  /** Of the generators behind tokens and fault rates; default 1. */
  seed?: number;
}

/** A running simulated Kigo. Everything here is also on its control API under /__sandbox. */
export interface KigoSandbox {
  /** Origin without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /** Copies of the calls so far in order of arrival; control calls are not among them. */
  journal(route?: KigoRoute): JournalEntry[];
  /** Forgets the calls so far, nothing else. */
  clearJournal(): void;
  /** Most calls of a route that were ever open at once; more than 1 login is a login storm. */
  maxConcurrent(route: KigoRoute): number;
  /** Changes the given switches and returns all of them. Throws on an unknown or ill-formed one. */
  configure(settings: Partial<KigoSettings>): KigoSettings;
  /** Adds a fault rule behind those there are and returns its id. Throws on an ill-formed one. */
  addFault(rule: FaultRule): number;
  clearFaults(): void;
  /** Creates an account or changes the given members of one. */
  setAccount(account: KigoAccountChange): KigoAccount;
  /** Whether there was such an account. */
  removeAccount(which: ExternalIds): boolean;
  /** Ends the life of every token and returns how many were alive. */
  revokeAllTokens(): number;
  /** Moves the clock that tokens live by, in milliseconds; returns the new time. */
  advance(ms: number): number;
  /** Everything as at the start; calls still waiting for their answer are dropped. */
  reset(): void;
  /** Stops listening and destroys every connection. */
  close(): Promise<void>;
}

/** The account of the vendor's own example, and one that another partner owns. */
const FIRST_ACCOUNTS: KigoAccountChange[] = [
  { external_user_id: 'user123', external_program_id: 'program456', unviewed_products: 12, total_tokens: 34 },
  { external_user_id: 'user123', external_program_id: 'program-of-another', partner_id: 'another-partner' },
];

/** Starts a simulated Kigo. Rejects when the port is taken. */
export async function startKigoSandbox(options: KigoSandboxOptions = {}): Promise<KigoSandbox> {
  const { host = '127.0.0.1', port = 0, seed = 1, partnerId, apiKey, tokenLifeSeconds } = options;
  const given: Partial<KigoSettings> = {
    partnerId,
    apiKeys: apiKey === undefined ? apiKey : [apiKey],
    tokenLifeSeconds,
  };
  checkKigoSettings(given);
  const initial: KigoSettings = { ...KIGO_DEFAULTS, ...defined(given) };
  let settings = initial;
  const clock = new VirtualClock();
  const journal = new Journal();
  const faults = new FaultBook(KIGO_ROUTES, seed);
  const accounts = new KigoAccounts();
  const tokens = new KigoTokens(clock, seed);
  const vendor = new KigoVendor(() => settings, accounts, tokens);

  const handle: Omit<KigoSandbox, 'url' | 'port' | 'close'> = {
    journal: (route) => journal.list(route),
    clearJournal: () => journal.clear(),
    maxConcurrent: (route) => journal.maxConcurrent(route),
    configure(changes) {
      checkKigoSettings(changes);
      settings = { ...settings, ...defined(changes) };
      return structuredClone(settings);
    },
    addFault: (rule) => faults.add(rule),
    clearFaults: () => faults.clear(),
    setAccount: (account) => accounts.set(account),
    removeAccount: (which) => accounts.remove(which),
    revokeAllTokens: () => tokens.revokeAll(),
    advance: (ms) => clock.advance(ms),
    reset() {
      server.dropCalls();
      settings = initial;
      clock.reset();
      faults.reset();
      tokens.reset();
      accounts.clear();
      FIRST_ACCOUNTS.forEach((account) => accounts.set(account));
      journal.reset();
    },
  };
  FIRST_ACCOUNTS.forEach((account) => accounts.set(account));
  const control = [
    ...sharedControl({ faults, journal, clock }, KIGO_ROUTES),
    ...kigoControl(handle, accounts),
  ];
  const server = await startVendorServer({ vendor, journal, faults, control, host, port });
  return {
    ...handle,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${server.port}`,
    port: server.port,
    close: () => server.close(),
  };
}
