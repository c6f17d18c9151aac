import type { ControlRoute } from '../server/control-api.js';
import { FaultBook } from '../faults/fault-book.js';
import type { FaultRule } from '../faults/fault.js';
import { Journal } from '../server/journal.js';
import type { JournalEntry } from '../server/journal.js';
import { sharedControl } from '../server/shared-control.js';
import { startVendorServer } from '../server/vendor-server.js';
import { WalletBook } from './wallet-book.js';
import type { WalletBalance } from './wallet-book.js';
import { WALLET_ROUTES, WalletVendor } from './wallet-vendor.js';
import type { WalletRoute } from './wallet-vendor.js';

// The key says, in Base64, that it is for a demonstration.
const DEMO_SECRET = 'whsec_ZGVtby13YWxsZXQtc2VjcmV0LWZvci10aGlzLW1hY2hpbmUtb25seQ==';
// An event has less than 2 KiB; Standard Webhooks advises at most 20 kB.
const LARGEST_BODY = 64 * 1024;

export interface WalletSandboxOptions {
  /** Default 0: any free port. */
  port?: number;
  /** Default 127.0.0.1. */
  host?: string;
  /** `whsec_` and the key in Base64; a demonstration's by default. */
  secret?: string;
  /** Hears one readable line for every event. */
  say?: (line: string) => void;
  /** Of the generators behind fault rates; default 1. */
  seed?: number;
}

/** A running virtual wallet: takes events at `<url>/events`. Everything here is also on its control API. */
export interface WalletSandbox {
  /** Origin without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /** What events must be signed with. */
  readonly secret: string;
  /** Copies of the calls so far in order of arrival; control calls are not among them. */
  journal(route?: WalletRoute): JournalEntry[];
  /** Forgets the calls so far, nothing else. */
  clearJournal(): void;
  /** Most calls of a route that were ever open at once. */
  maxConcurrent(route: WalletRoute): number;
  /** Adds a fault rule behind those there are and returns its id. Throws on an ill-formed one. */
  addFault(rule: FaultRule): number;
  clearFaults(): void;
  /** What every user has, or one user. */
  balances(userId?: string): WalletBalance[];
  /** Everything as at the start; calls still waiting for their answer are dropped. */
  reset(): void;
  /** Stops listening and destroys every connection. */
  close(): Promise<void>;
}

/** Starts a virtual wallet. Rejects when the port is taken or the secret is none. */
export async function startWalletSandbox(options: WalletSandboxOptions = {}): Promise<WalletSandbox> {
  const { host = '127.0.0.1', port = 0, secret = DEMO_SECRET, say = () => {}, seed = 1 } = options;
  const journal = new Journal();
  const faults = new FaultBook(WALLET_ROUTES, seed);
  const book = new WalletBook();
  const vendor = new WalletVendor(secret, book, say);

  const handle: Omit<WalletSandbox, 'url' | 'port' | 'close'> = {
    secret,
    journal: (route) => journal.list(route),
    clearJournal: () => journal.clear(),
    maxConcurrent: (route) => journal.maxConcurrent(route),
    addFault: (rule) => faults.add(rule),
    clearFaults: () => faults.clear(),
    balances: (userId) => book.balances(userId),
    reset() {
      server.dropCalls();
      faults.reset();
      book.clear();
      journal.reset();
    },
  };
  const control = [...sharedControl({ faults, journal }, WALLET_ROUTES), ...walletControl(handle)];
  const server = await startVendorServer({
    vendor,
    journal,
    faults,
    control,
    host,
    port,
    largestBody: LARGEST_BODY,
  });
  return {
    ...handle,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${server.port}`,
    port: server.port,
    close: () => server.close(),
  };
}

/** The part of the control API that is the wallet's own. */
function walletControl(handle: Pick<WalletSandbox, 'balances' | 'reset'>): ControlRoute[] {
  return [
    {
      method: 'GET',
      path: '/balances',
      help: 'what every user has, or ?user_id=…',
      run: ({ query }) => ({ balances: handle.balances(query.get('user_id') ?? undefined) }),
    },
    { method: 'POST', path: '/reset', help: 'everything as at the start', run: () => handle.reset() },
  ];
}
