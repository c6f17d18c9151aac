import { rewardsToTry } from './rewards-to-try.js';
import { curl, jsonBody, quoted, script } from './shell-line.js';
import type { Ask, Step } from './shell-line.js';

/** Where everything listens, and with which credentials. */
export interface Places {
  gateway: string;
  kigo: string;
  kiip: string;
  wallet: string;
  apiKey: string;
  /** Of the virtual account user123 in program456. */
  accountId: string;
}

const IDS = { external_user_id: 'user123', external_program_id: 'program456' };

/**
 * Commands to paste into a shell, each under a line that says what it shows. Those lines have no apostrophe:
 * not every shell takes them for comments.
 */
export function whatToTry(places: Places): string {
  const { gateway, kigo, kiip, wallet } = places;
  const badge = `/api/user/unviewed-count?${new URLSearchParams(IDS).toString()}`;
  const ask = (path: string, ...options: string[]): string =>
    curl(...options, `-H ${quoted(`Authorization: Bearer ${places.apiKey}`)}`, quoted(gateway + path));
  const steps: Step[] = [
    ['Kigo: the badge of one user: {"count":12}', ask(badge)],
    ...rewardsToTry(places, ask),
    ...moreOfKigo(kigo, badge, places.accountId, ask),
    ['Everything else that the simulated Kigo can do', curl(quoted(`${kigo}/__sandbox`))],
    ['Everything else that the simulated Kiip can do', curl(quoted(`${kiip}/__sandbox`))],
    ['Everything else that the virtual wallet can do', curl(quoted(`${wallet}/__sandbox`))],
  ];
  return [
    `Gateway: ${gateway}   API docs: ${gateway}/docs   Simulated Kigo: ${kigo}   Kiip: ${kiip}   Virtual wallet: ${wallet}   Ctrl-C stops all.`,
    ...steps.map(([says, command]) => `# ${says}\n${command}`),
  ].join('\n\n');
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
