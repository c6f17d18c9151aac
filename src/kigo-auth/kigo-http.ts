import { hash } from 'node:crypto';
import { UpstreamHttp } from '../upstream/upstream-http.js';
import type { UpstreamOptions } from '../upstream/upstream-http.js';

/** Calls to Kigo that bear the partner token, renew it on 401 and are tried again: the face of KigoAuthModule. */
export class KigoHttp extends UpstreamHttp {
  constructor(
    private readonly scope: string,
    options: UpstreamOptions,
  ) {
    super(options);
  }

  /** A cache key for what Kigo says of these ids: they may hold any character, be long, and are nobody else's business. */
  cacheKey(kind: string, ...ids: string[]): string {
    return `${this.scope}:${kind}:${hash('sha256', JSON.stringify(ids), 'base64url')}`;
  }
}
