import type { KigoSandbox } from '@rewards-gateway/sandbox';

/** The headers of every GET that Kigo gets from us: anything else would be somebody's injection. */
export const EXPECTED_HEADERS = [
  'accept',
  'accept-encoding',
  'authorization',
  'connection',
  'host',
  'user-agent',
];

/** Name and value of every pair in the queries of the look-ups so far, decoded one by one. */
export function receivedLookups(kigo: KigoSandbox): string[][][] {
  return kigo.requests('lookup').map(({ url }) => {
    const query = /^\/api\/v1\/accounts\?([^?#]*)$/.exec(url)?.[1];
    // decodeURIComponent leaves "+" alone: a blank must have arrived as %20.
    return query!.split('&').map((pair) => pair.split('=').map((text) => decodeURIComponent(text)));
  });
}

/** The account ids in the paths of the summaries so far, decoded. */
export function receivedAccountIds(kigo: KigoSandbox): string[] {
  return kigo.requests('summary').map(({ url }) => {
    return decodeURIComponent(/^\/api\/v1\/accounts\/([^/?#]*)\/hub-summary$/.exec(url)![1]!);
  });
}
