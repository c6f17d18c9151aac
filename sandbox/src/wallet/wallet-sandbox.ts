import type { ControlRoute } from '../server/control-api.js';
import { FaultRules } from '../faults/fault-rules.js';
import type { FaultRule } from '../faults/fault.js';
import { originOf } from '../server/listen.js';
import { RequestLog } from '../server/request-log.js';
import type { LoggedRequest } from '../server/request-log.js';
import { sharedControl } from '../server/shared-control.js';
import { startSandboxServer } from '../server/sandbox-server.js';
import { WalletLedger } from './wallet-ledger.js';
import type { WalletBalance } from './wallet-ledger.js';
import { WALLET_ROUTES, WalletService } from './wallet-service.js';
import type { WalletRoute } from './wallet-service.js';

// The key says, in Base64, that it is for a demonstration.
const DEMO_SECRET = 'whsec_ZGVtby13YWxsZXQtc2VjcmV0LWZvci10aGlzLW1hY2hpbmUtb25seQ==';
// An event has less than 2 KiB; Standard Webhooks advises at most 20 kB.
const MAX_BODY_BYTES = 64 * 1024;

export interface WalletSandboxOptions {
  /** Default 0: any free port. */
  port?: number;
  /** Default 127.0.0.1. */
  host?: string;
  /** `whsec_` and the key in Base64; a demonstration's by default. */
  secret?: string;
  /** Called with one readable line for every event. */
  say?: (line: string) => void;
  /** Of pages that may use the control API; none by default. */
  consoleOrigins?: readonly string[];
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
  requests(route?: WalletRoute): LoggedRequest[];
  /** Forgets the calls so far, nothing else. */
  clearRequests(): void;
  /** Most calls of a route that were ever open at once. */
  maxConcurrent(route: WalletRoute): number;
  /** Adds a fault rule behind those there are and returns its id. Throws on an ill-formed one. */
  addFault(rule: FaultRule): number;
  clearFaults(): void;
  /** What every user has, or one user. */
  balances(userId?: string): WalletBalance[];
  /** Everything as at the start; calls still waiting for their response are dropped. */
  reset(): void;
  /** Stops listening and destroys every connection. */
  close(): Promise<void>;
}

/** Starts a virtual wallet. Rejects when the port is taken or the secret is none. */
export async function startWalletSandbox(options: WalletSandboxOptions = {}): Promise<WalletSandbox> {
  const {
    host = '127.0.0.1',
    port = 0,
    secret = DEMO_SECRET,
    say = () => {},
    seed = 1,
    consoleOrigins,
  } = options;
  const requestLog = new RequestLog();
  const faults = new FaultRules(WALLET_ROUTES, seed);
  const ledger = new WalletLedger();
  const service = new WalletService(secret, ledger, say);

  const handle: Omit<WalletSandbox, 'url' | 'port' | 'close'> = {
    secret,
    requests: (route) => requestLog.list(route),
    clearRequests: () => requestLog.clear(),
    maxConcurrent: (route) => requestLog.maxConcurrent(route),
    addFault: (rule) => faults.add(rule),
    clearFaults: () => faults.clear(),
    balances: (userId) => ledger.balances(userId),
    reset() {
      server.dropCalls();
      faults.reset();
      ledger.clear();
      requestLog.reset();
    },
  };
  const control = [...sharedControl({ faults, requestLog }, WALLET_ROUTES), ...walletControl(handle)];
  const server = await startSandboxServer({
    service,
    requestLog,
    faults,
    control,
    consoleOrigins,
    host,
    port,
    maxBodyBytes: MAX_BODY_BYTES,
  });
  return {
    ...handle,
    url: originOf(host, server.port),
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
