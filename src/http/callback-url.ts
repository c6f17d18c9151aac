import type { IncomingMessage } from 'node:http';

const CALLBACK_URL = /^\/+callbacks\/+kiip(?:\/+(redemptions|issuances))?\/*(?=\?|$)/i;
/** Nearly every callback has one of these, and needs no look by the pattern. */
const CANONICAL_URLS = new Set([
  '/callbacks/kiip',
  '/callbacks/kiip/redemptions',
  '/callbacks/kiip/issuances',
]);

/**
 * Fastify's `rewriteUrl`: takes the callback URLs with slashes at the end, repeated slashes and in upper case. An operator enters them by
 * hand in Kiip's dashboard, and a callback that does not find its route is lost. A redirect would lose the body.
 */
export function rewriteCallbackUrl({ url = '/' }: IncomingMessage): string {
  if (CANONICAL_URLS.has(url)) return url;
  return url.replace(CALLBACK_URL, (_, kind: string | undefined) =>
    kind === undefined ? '/callbacks/kiip' : `/callbacks/kiip/${kind.toLowerCase()}`,
  );
}
