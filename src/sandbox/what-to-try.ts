/** Where everything listens, and with which credentials. */
export interface Places {
  gateway: string;
  kigo: string;
  kiip: string;
  apiKey: string;
  /** Of the virtual account user123 in program456. */
  accountId: string;
}

type Step = [says: string, command: string];

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

/**
 * Commands to paste into a shell, each under a line that says what it shows. Those lines have no apostrophe:
 * not every shell takes them for comments.
 */
export function whatToTry(places: Places): string {
  const { gateway, kigo, kiip } = places;
  const badge = `/api/user/unviewed-count?${new URLSearchParams(IDS).toString()}`;
  const ask = (path: string, ...options: string[]): string =>
    curl(...options, `-H ${quoted(`Authorization: Bearer ${places.apiKey}`)}`, quoted(gateway + path));
  const steps: Step[] = [
    ['Kigo: the badge of one user: {"count":12}', ask(badge)],
    ...kiipStory(kiip, ask),
    ...moreOfKigo(kigo, badge, places.accountId, ask),
    ['Everything else that the simulated Kigo can do', curl(quoted(`${kigo}/__sandbox`))],
    ['Everything else that the simulated Kiip can do', curl(quoted(`${kiip}/__sandbox`))],
  ];
  return [
    `Gateway: ${gateway}   API docs: ${gateway}/docs   Simulated Kigo: ${kigo}   Kiip: ${kiip}   Ctrl-C stops all.`,
    ...steps.map(([says, command]) => `# ${says}\n${command}`),
  ].join('\n\n');
}

type Ask = (path: string, ...options: string[]) => string;

function kiipStory(kiip: string, ask: Ask): Step[] {
  const callback = (spec: object): string => script(kiip, 'POST', '/callbacks', spec);
  const balances = ask(`/api/v1/kiip/users/${USER}/balances`);
  return [
    ['Kiip: a user opens the app', ask('/api/v1/kiip/sessions', ...jsonBody(SESSION))],
    [
      'The user does something worth a reward; display_url is the page to show',
      ask('/api/v1/kiip/moments', ...jsonBody(MOMENT)),
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
      script(kiip, 'POST', '/redeem'),
    ],
    ['The ledger has the row', ask(`/api/v1/kiip/issuances?user_id=${USER}`)],
    ['And the user has 20 Coins', balances],
    ['Kiip sends the same callback again: duplicate', callback({ like: 'latest' })],
    ['Still 20 Coins', balances],
    ['A survey, done later, issues 20 more', callback({ kind: 'issuance' })],
    ['A forged callback: 401', callback({ signature: 'wrong-secret' })],
    [
      'One that is signed but odd: quarantined until somebody decides',
      callback({ quantityForm: 'leading-zero' }),
    ],
    [
      'The same new callback twenty times at once: one row',
      script(kiip, 'POST', '/callbacks/scenario', { name: 'same-at-once' }),
    ],
  ];
}

function moreOfKigo(kigo: string, badge: string, accountId: string, ask: Ask): Step[] {
  const users = [IDS, { ...IDS, external_user_id: 'nobody' }];
  const noCache = `-H ${quoted('Cache-Control: no-cache')}`;
  return [
    [
      'Kigo again: several badges at once; one failure does not fail the others',
      ask('/api/v1/unviewed-counts', ...jsonBody({ users })),
    ],
    ['A whole hub summary', ask(`/api/v1/accounts/${encodeURIComponent(accountId)}/hub-summary`)],
    ['Change the count at Kigo', script(kigo, 'PUT', '/accounts', { ...IDS, unviewed_products: 5 })],
    ['Ask past the cache: {"count":5}', ask(badge, noCache)],
    ['Let Kigo fail from now on', script(kigo, 'POST', '/faults', { kind: 'status', status: 500 })],
    [
      'The badge still comes, from the cache; ten seconds later too, marked as stale (see Cache-Status)',
      ask(badge, '-i'),
    ],
    ['Past the cache the failure shows: 502 with a problem document', ask(badge, '-i', noCache)],
    ['Let Kigo work again', script(kigo, 'DELETE', '/faults')],
  ];
}

function curl(...words: string[]): string {
  return ['curl -s', ...words].join(' ');
}

/** A call to a vendor's control API. */
function script(vendor: string, method: string, path: string, body?: unknown): string {
  return curl(
    `-X ${method} ${quoted(`${vendor}/__sandbox${path}`)}`,
    ...(body ? [`-d ${quotedJson(body)}`] : []),
  );
}

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
