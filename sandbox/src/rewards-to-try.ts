import { curl, jsonBody, quoted, script } from './shell-line.js';
import type { Ask, Step } from './shell-line.js';

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

interface Origins {
  kiip: string;
  wallet: string;
}

/** From a moment at Kiip to the wallet that is credited. */
export function rewardsToTry(origins: Origins, ask: Ask): Step[] {
  return [...kiipStory(origins, ask), ...deliveryStory(origins, ask)];
}

function kiipStory({ kiip, wallet }: Origins, ask: Ask): Step[] {
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
    ['A wallet behind the gateway has verified the event and counts 20 too', walletBalances(wallet)],
    ['The event as it arrived there, with its webhook headers', script(wallet, 'GET', '/journal')],
    ['Kiip sends the same callback again: duplicate', callback({ like: 'latest' })],
    ['Still 20 Coins', balances],
    ['A survey, done later, issues 20 more', callback({ kind: 'issuance' })],
    ['A forged callback: 401', callback({ signature: 'wrong-secret' })],
    [
      'One that is signed but odd: quarantined until somebody decides',
      callback({ quantityForm: 'leading-zero' }),
    ],
    [
      'The same new callback twenty times at once: every answer names one and the same row',
      `${script(kiip, 'POST', '/callbacks/scenario', { name: 'same-at-once' })} | grep -o 'iss_[0-9a-f]*' | sort | uniq -c`,
    ],
  ];
}

function deliveryStory({ kiip, wallet }: Origins, ask: Ask): Step[] {
  const dryRun = { consumer: 'wallet', ...ALL_TIMES, dry_run: true };
  return [
    ['What the gateway has delivered to the wallet', ask('/api/v1/deliveries?consumer=wallet')],
    ['Let the wallet fail from now on', script(wallet, 'POST', '/faults', { kind: 'status', status: 500 })],
    ['Another survey is done', script(kiip, 'POST', '/callbacks', { kind: 'issuance' })],
    [
      'Its event is not lost: pending, with next_attempt_at',
      ask('/api/v1/deliveries?consumer=wallet&status=pending'),
    ],
    ['Let the wallet work again', script(wallet, 'DELETE', '/faults')],
    ['Seconds later the wallet has counted it, once', walletBalances(wallet)],
    [
      'How many events a replay would send again; the wallet would ignore them all',
      ask('/api/v1/deliveries/replay', ...jsonBody(dryRun)),
    ],
    [
      'Reconciliation: what came in, and what has become of it',
      ask(`/api/v1/kiip/reconciliation?${new URLSearchParams(ALL_TIMES).toString()}`),
    ],
  ];
}

function walletBalances(wallet: string): string {
  return script(wallet, 'GET', '/balances');
}
