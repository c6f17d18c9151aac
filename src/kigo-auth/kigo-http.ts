import { hash } from 'node:crypto';
import type { Config } from '../config/config.js';
import type { BreakerRegistry } from '../upstream/breaker-registry.js';
import { UpstreamHttp } from '../upstream/upstream-http.js';
import type { UpstreamOptions } from '../upstream/upstream-http.js';

/** Authenticated calls to Kigo. */
export class KigoHttp extends UpstreamHttp {
  constructor(
    private readonly keyPrefix: string,
    options: UpstreamOptions,
  ) {
    super(options);
  }

  /** A cache key for what Kigo returns for these ids. They are hashed, because they are private and may contain any character. */
  cacheKey(kind: string, ...ids: string[]): string {
    return `${this.keyPrefix}:${kind}:${hash('sha256', JSON.stringify(ids), 'base64url')}`;
  }
}

/** The prefix of all keys in the shared Redis. It names the Kigo and the partner, so that no other gateway gets their data. */
export function kigoKeyPrefix({ kigoBaseUrl, kigoPartnerId, redisKeyPrefix }: Config): string {
  const scope = hash('sha256', JSON.stringify([kigoBaseUrl, kigoPartnerId])).slice(0, 16);
  return `${redisKeyPrefix}kigo:${scope}`;
}

/** What all clients of Kigo have in common. */
export function kigoOptions(config: Config, breakers: BreakerRegistry) {
  return {
    breakers,
    upstream: 'kigo' as const,
    baseUrl: config.kigoBaseUrl,
    proxy: config,
    timeoutMs: config.kigoTimeoutMs,
    deadlineMs: config.upstreamDeadlineMs,
  };
}
