import type { KigoSandbox } from '@rewards-gateway/sandbox';

/** The headers of each GET that the gateway sends to Kigo. Any other would be injected by a caller. */
export const EXPECTED_HEADERS = [
  'accept',
  'accept-encoding',
  'authorization',
  'connection',
  'host',
  'user-agent',
];

/** The query parameters of each look-up so far, as decoded pairs. */
export function receivedLookups(kigo: KigoSandbox): string[][][] {
  return kigo.requests('lookup').map(({ url }) => {
    const query = /^\/api\/v1\/accounts\?([^?#]*)$/.exec(url)?.[1];
    // decodeURIComponent does not decode "+", so a space must have arrived as %20.
    return query!.split('&').map((pair) => pair.split('=').map((text) => decodeURIComponent(text)));
  });
}

/** The decoded account id of each hub-summary call so far. */
export function receivedAccountIds(kigo: KigoSandbox): string[] {
  return kigo.requests('summary').map(({ url }) => {
    return decodeURIComponent(/^\/api\/v1\/accounts\/([^/?#]*)\/hub-summary$/.exec(url)![1]!);
  });
}
