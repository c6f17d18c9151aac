import { isLoopback } from '../config/parsers.js';

const URL_PATTERN = /^https?:\/\/([a-z\d.-]+|\[[\da-f:.]+\])(:\d+)?([/?#][^\s\p{C}\\"<>^`]*)?$/iu;

/**
 * Whether an app may be told to show this page: https on an allowed host, or http on one that is loopback. The text is passed on as it
 * stands, so it must be one that every URL parser reads alike: the host written out, and nothing that may end an attribute or is a blank.
 * @param hosts `host` (the scheme's own port) or `host:port`
 */
export function isRewardUrl(text: unknown, hosts: readonly string[]): text is string {
  if (typeof text !== 'string' || !URL_PATTERN.test(text) || !URL.canParse(text)) return false;
  const url = new URL(text);
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) return false;
  return hosts.some((host) => normalizeHost(host, url.protocol) === url.host);
}

/** As URLs write it: lower case, and without the port where it is the scheme's own. */
function normalizeHost(entry: string, protocol: string): string | undefined {
  return URL.canParse(`${protocol}//${entry}`) ? new URL(`${protocol}//${entry}`).host : undefined;
}
