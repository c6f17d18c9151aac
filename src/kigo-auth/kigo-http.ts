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

  /** A cache key for what Kigo says of these ids: they may hold any character. */
  cacheKey(kind: string, ...ids: string[]): string {
    return [this.scope, kind, ...ids.map((id) => encodeURIComponent(id))].join(':');
  }
}
