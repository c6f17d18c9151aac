import { FaultRules } from '../faults/fault-rules.js';
import { originOf } from '../server/listen.js';
import { RequestLog } from '../server/request-log.js';
import { KigoAccounts } from './kigo-accounts.js';
import type { KigoAccountChange } from './kigo-accounts.js';
import { kigoControl } from './kigo-control.js';
import type { KigoSandbox, KigoSandboxOptions } from './kigo-sandbox.js';
import { KIGO_ROUTES } from './kigo-paths.js';
import { KIGO_DEFAULTS, parseKigoSettings } from './kigo-settings.js';
import type { KigoSettings } from './kigo-settings.js';
import { KigoTokens } from './kigo-tokens.js';
import { KigoService } from './kigo-service.js';
import { sharedControl } from '../server/shared-control.js';
import { startSandboxServer } from '../server/sandbox-server.js';
import { VirtualClock } from '../server/virtual-clock.js';

/** The account of the vendor's own example, and one that another partner owns. */
const INITIAL_ACCOUNTS: KigoAccountChange[] = [
  { external_user_id: 'user123', external_program_id: 'program456', unviewed_products: 12, total_tokens: 34 },
  { external_user_id: 'user123', external_program_id: 'program-of-another', partner_id: 'another-partner' },
];

/** Starts a simulated Kigo. Rejects when the port is taken. */
export async function startKigoSandbox(options: KigoSandboxOptions = {}): Promise<KigoSandbox> {
  const {
    host = '127.0.0.1',
    port = 0,
    seed = 1,
    partnerId,
    apiKey,
    tokenTtlSeconds,
    consoleOrigins,
  } = options;
  const given: Partial<KigoSettings> = {
    partnerId,
    apiKeys: apiKey === undefined ? apiKey : [apiKey],
    tokenTtlSeconds,
  };
  const initial: KigoSettings = { ...KIGO_DEFAULTS, ...parseKigoSettings(given) };
  let settings = initial;
  const clock = new VirtualClock();
  const requestLog = new RequestLog();
  const faults = new FaultRules(KIGO_ROUTES, seed);
  const accounts = new KigoAccounts();
  const tokens = new KigoTokens(clock, seed);
  const service = new KigoService(() => settings, accounts, tokens);

  const handle: Omit<KigoSandbox, 'url' | 'port' | 'close'> = {
    requests: (route) => requestLog.list(route),
    clearRequests: () => requestLog.clear(),
    maxConcurrent: (route) => requestLog.maxConcurrent(route),
    configure(changes) {
      settings = { ...settings, ...parseKigoSettings(changes) };
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
      INITIAL_ACCOUNTS.forEach((account) => accounts.set(account));
      requestLog.reset();
    },
  };
  INITIAL_ACCOUNTS.forEach((account) => accounts.set(account));
  const control = [
    ...sharedControl({ faults, requestLog, clock }, KIGO_ROUTES),
    ...kigoControl(handle, accounts),
  ];
  const server = await startSandboxServer({
    service,
    requestLog,
    faults,
    control,
    consoleOrigins,
    host,
    port,
  });
  return {
    ...handle,
    url: originOf(host, server.port),
    port: server.port,
    close: () => server.close(),
  };
}
