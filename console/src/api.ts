import { GatewayProblem, RewardsGatewayClient } from '../../clients/typescript/src/index.js';
import { PAGE_URL } from './config.js';
import { REFUSED, currentToken, signOut } from './session.js';

export { GatewayProblem };
export type { Schemas } from '../../clients/typescript/src/index.js';

/** Somebody is waiting: what can be tried again is tried for this long. */
const DEADLINE_MS = 6_000;

function connect(look?: (headers: Headers) => void): RewardsGatewayClient {
  return new RewardsGatewayClient({
    url: PAGE_URL,
    token: currentToken,
    deadlineMs: DEADLINE_MS,
    fetch: async (input, init) => {
      // What the browser has kept may be for another credential, and its age is that of then.
      const response = await fetch(input, { ...init, cache: 'no-cache' });
      look?.(response.headers);
      if (response.status === 401) signOut(REFUSED);
      return response;
    },
  });
}

const client = connect();

/** The documented API, with the credential of this tab. `look` sees the headers of each response, such as `Age`. */
export function gateway(look?: (headers: Headers) => void): RewardsGatewayClient {
  return look ? connect(look) : client;
}

/** What is beside the page on its port and needs no credential: `health/dependencies`, `metrics/history`. */
export async function operational<T>(path: string, signal: AbortSignal): Promise<T> {
  const response = await fetch(new URL(`../${path}`, PAGE_URL), { signal });
  if (!response.ok) throw await GatewayProblem.from(response);
  return (await response.json()) as T;
}
