import { GatewayProblem, RewardsGatewayClient } from '../../clients/typescript/src/index.js';
import { PAGE_URL } from './config.js';
import { reach } from './reach.js';
import { REFUSED, currentToken, signOut } from './session.js';

export { GatewayProblem };
export type { Schemas } from '../../clients/typescript/src/index.js';

/** Somebody is waiting: what can be tried again is tried for this long. */
const DEADLINE_MS = 6_000;
/** For what reads every entry of a day or more. */
export const LONG_DEADLINE_MS = 60_000;

/** The documented API, with the credential of this tab. `look` sees the headers of each response, such as `Age`. */
export function gateway(look?: (headers: Headers) => void): RewardsGatewayClient {
  const token = currentToken();
  return new RewardsGatewayClient({
    url: PAGE_URL,
    token,
    deadlineMs: DEADLINE_MS,
    fetch: async (input, init) => {
      const response = await reach(input, init);
      look?.(response.headers);
      // Somebody may have signed in with another one meanwhile.
      if (response.status === 401 && token === currentToken()) signOut(REFUSED);
      return response;
    },
  });
}

/** What is beside the page on its port and needs no credential: `health/dependencies`, `metrics/history`. */
export async function operational<T>(path: string, signal: AbortSignal): Promise<T> {
  const response = await reach(new URL(`../${path}`, PAGE_URL), { signal });
  if (!response.ok) throw await GatewayProblem.from(response);
  return (await response.json()) as T;
}
