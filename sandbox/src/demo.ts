import { KIIP_DEFAULTS } from './kiip/kiip-settings.js';

/** Where everything listens, and the credentials. */
export interface DemoOptions {
  gateway: string;
  kigo: string;
  kiip: string;
  wallet: string;
  apiKey: string;
  /** Account id of user123 in program456. */
  accountId: string;
}

/** What a command shows, and the command. */
type Step = [description: string, command: string];
/** A call to the gateway: path, then further options of curl. */
type GatewayCall = (path: string, ...options: string[]) => string;

const IDS = { external_user_id: 'user123', external_program_id: 'program456' };
const USER = 'user-123';
const COMMON = {
  app: { version: '1.0' },
  connection: { ip: '203.0.113.7' },
  device: {
    id: 'demo-device',
    lang: 'en',
    locale: 'en_US',
    manufacturer: 'Google',
    model: 'Pixel 9',
    os: 'Android 16',
    resolution: '1080x2424',
  },
  user: { userid: USER },
};
const SESSION = { ...COMMON, events: [{ id: 'session_start', start: '2026-01-01T00:00:00.000Z' }] };
const MOMENT = { ...COMMON, moment: { id: 'level-1-done' } };
const ALL_TIMES = { from: '2020-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' };

/**
 * Commands to paste into a shell, each under a comment that describes it. The comments have no apostrophe, because
 * an interactive zsh does not ignore comments.
 */
export function demoScript(options: DemoOptions): string {
  const { gateway, kigo, kiip, wallet } = options;
  const badge = `/api/user/unviewed-count?${new URLSearchParams(IDS).toString()}`;
  const callGateway = (path: string, ...curlOptions: string[]): string =>
    curl(...curlOptions, `-H ${quoted(`Authorization: Bearer ${options.apiKey}`)}`, quoted(gateway + path));
  const steps: Step[] = [
    ['Kigo: the badge of one user: {"count":12}', callGateway(badge)],
    ...rewardSteps(options, callGateway),
    ...deliverySteps(options, callGateway),
    ...strangerSteps(kiip),
    ...kigoSteps(kigo, badge, options.accountId, callGateway),
    ['Everything else that the simulated Kigo can do', curl(quoted(`${kigo}/__sandbox`))],
    ['Everything else that the simulated Kiip can do', curl(quoted(`${kiip}/__sandbox`))],
    ['Everything else that the virtual wallet can do', curl(quoted(`${wallet}/__sandbox`))],
  ];
  return [
    `Gateway: ${gateway}   API docs: ${gateway}/docs   Simulated Kigo: ${kigo}   Kiip: ${kiip}   Virtual wallet: ${wallet}   Ctrl-C stops all.`,
    ...steps.map(([description, command]) => `# ${description}\n${command}`),
  ].join('\n\n');
}

function kigoSteps(kigo: string, badge: string, accountId: string, callGateway: GatewayCall): Step[] {
  const users = [IDS, { ...IDS, external_user_id: 'nobody' }];
  const noCache = `-H ${quoted('Cache-Control: no-cache')}`;
  return [
    [
      'Kigo again: several badges at once; one failure does not fail the others',
      callGateway('/api/v1/unviewed-counts', ...jsonBody({ users })),
    ],
    ['A whole hub summary', callGateway(`/api/v1/accounts/${encodeURIComponent(accountId)}/hub-summary`)],
    ['Change the count at Kigo', control(kigo, 'PUT', '/accounts', { ...IDS, unviewed_products: 5 })],
    ['Ask past the cache: {"count":5}', callGateway(badge, noCache)],
    ['Let Kigo fail from now on', control(kigo, 'POST', '/faults', { kind: 'status', status: 500 })],
    [
      'The badge still comes, from the cache; ten seconds later too, marked as stale (see Cache-Status)',
      callGateway(badge, '-i'),
    ],
    ['Past the cache the failure shows: 502 with a problem document', callGateway(badge, '-i', noCache)],
    ['Let Kigo work again', control(kigo, 'DELETE', '/faults')],
  ];
}

function rewardSteps(
  { kiip, wallet }: Pick<DemoOptions, 'kiip' | 'wallet'>,
  callGateway: GatewayCall,
): Step[] {
  const callback = (spec: object): string => control(kiip, 'POST', '/callbacks', spec);
  const balances = callGateway(`/api/v1/kiip/users/${USER}/balances`);
  const sameAtOnce = { callbacks: [{ kind: 'issuance', reward: 'latest' }], copies: 20, order: 'at-once' };
  return [
    ['Kiip: a user opens the app', callGateway('/api/v1/kiip/sessions', ...jsonBody(SESSION))],
    [
      'The user does something worth a reward; display_url is the page to show',
      callGateway('/api/v1/kiip/moments', ...jsonBody(MOMENT)),
    ],
    [
      `The reward page is there; open ${kiip}/reward/latest in a browser to see it`,
      curl(
        `-L -o /dev/null -w ${quoted('%{http_code} %{url_effective}\\n')}`,
        quoted(`${kiip}/reward/latest`),
      ),
    ],
    [
      'Redeem, as the button there does: Kiip calls the gateway, which answers recorded',
      control(kiip, 'POST', '/redeem'),
    ],
    ['The ledger has the row', callGateway(`/api/v1/kiip/issuances?user_id=${USER}`)],
    ['And the user has 20 Coins', balances],
    ['A wallet behind the gateway has verified the event and counts 20 too', walletBalances(wallet)],
    ['The event as it arrived there, with its webhook headers', control(wallet, 'GET', '/requests')],
    ['Kiip sends the same callback again: duplicate', callback({ copyOf: 'latest' })],
    ['Still 20 Coins', balances],
    ['A survey, done later, issues 20 more', callback({ kind: 'issuance', reward: 'latest' })],
    ['A forged callback: 401', callback({ signature: 'wrong-secret' })],
    [
      'One that is signed but odd: quarantined until somebody decides',
      callback({ reward: 'latest', quantityFormat: 'leading-zero' }),
    ],
    [
      'The same new callback twenty times at once: every answer names one and the same row',
      `${control(kiip, 'POST', '/callbacks/batch', sameAtOnce)} | grep -o 'iss_[0-9a-f]*' | sort | uniq -c`,
    ],
  ];
}

function deliverySteps(
  { kiip, wallet }: Pick<DemoOptions, 'kiip' | 'wallet'>,
  callGateway: GatewayCall,
): Step[] {
  const dryRun = { consumer: 'wallet', ...ALL_TIMES, dry_run: true };
  return [
    ['What the gateway has delivered to the wallet', callGateway('/api/v1/deliveries?consumer=wallet')],
    ['Let the wallet fail from now on', control(wallet, 'POST', '/faults', { kind: 'status', status: 500 })],
    ['Another survey is done', control(kiip, 'POST', '/callbacks', { kind: 'issuance', reward: 'latest' })],
    [
      'Its event is not lost: pending, with next_attempt_at',
      callGateway('/api/v1/deliveries?consumer=wallet&status=pending'),
    ],
    ['Let the wallet work again', control(wallet, 'DELETE', '/faults')],
    ['Seconds later the wallet has counted it, once', walletBalances(wallet)],
    [
      'How many events a replay would send again; the wallet would ignore them all',
      callGateway('/api/v1/deliveries/replays', ...jsonBody(dryRun)),
    ],
    [
      'Reconciliation: what was accepted and what was delivered',
      callGateway(`/api/v1/kiip/reconciliation?${new URLSearchParams(ALL_TIMES).toString()}`),
    ],
  ];
}

function strangerSteps(kiip: string): Step[] {
  const moment = {
    ...MOMENT,
    app: { ...MOMENT.app, app_key: KIIP_DEFAULTS.appKey },
    user: { userid: `9999999${USER}` },
  };
  return [
    [
      'A stranger who has the app key asks Kiip for a reward, past the gateway',
      curl(...jsonBody(moment), quoted(`${kiip}/2.0/server/moment/`)),
    ],
    [
      'Kiip signs its callback; no moment of the gateway returned that reward: quarantined',
      control(kiip, 'POST', '/redeem'),
    ],
  ];
}

function walletBalances(wallet: string): string {
  return control(wallet, 'GET', '/balances');
}

/** A curl command; the words must already be quoted. */
function curl(...words: string[]): string {
  return ['curl -s', ...words].join(' ');
}

/** A call to the control API of a vendor or the wallet. */
function control(origin: string, method: string, path: string, body?: unknown): string {
  return curl(
    `-X ${method} ${quoted(`${origin}/__sandbox${path}`)}`,
    ...(body ? [`-d ${quotedJson(body)}`] : []),
  );
}

/** Options for a call with a JSON body. */
function jsonBody(value: unknown): string[] {
  return [`-H ${quoted('Content-Type: application/json')}`, `-d ${quotedJson(value)}`];
}

/** In single quotes, as any POSIX shell reads it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function quotedJson(value: unknown): string {
  return quoted(JSON.stringify(value));
}
