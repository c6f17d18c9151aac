import { EnvHttpProxyAgent, Pool } from 'undici';
import type { Dispatcher } from 'undici';
import { proxyFor } from '../config/proxy.js';
import type { ProxySettings } from '../config/proxy.js';

/** Keep-alive connections to one origin. Without a proxy there is nothing between us and the pool. */
export function createDispatcher(url: string, settings: ProxySettings, options: Pool.Options): Dispatcher {
  const proxy = proxyFor(url, settings);
  if (proxy === undefined) return new Pool(new URL(url).origin, options);
  return new EnvHttpProxyAgent({
    ...options,
    httpProxy: proxy,
    httpsProxy: proxy,
    noProxy: settings.noProxy ?? '',
  });
}
