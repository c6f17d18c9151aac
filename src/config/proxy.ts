import type { Config } from './config.js';
import { isLoopback } from './parsers.js';

/** What decides whether an outgoing request goes through a proxy: one rule for vendors, consumers, token keys and traces. */
export type ProxySettings = Partial<Pick<Config, 'httpsProxy' | 'httpProxy' | 'noProxy'>>;

/** The proxy for a URL, if it needs one before NO_PROXY is looked at. Nothing that goes to this machine does. */
export function proxyFor(url: string, { httpsProxy, httpProxy }: ProxySettings): string | undefined {
  const { protocol, hostname } = new URL(url);
  if (isLoopback(hostname)) return undefined;
  return protocol === 'https:' ? httpsProxy : httpProxy;
}
