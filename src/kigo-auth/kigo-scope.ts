import { createHash } from 'node:crypto';
import type { Config } from '../config/config.js';

/** How cache keys begin: what one Kigo, or one partner, says is never shown for another that shares the Redis. */
export function kigoScope({ kigoBaseUrl, kigoPartnerId }: Config): string {
  const scope = createHash('sha256')
    .update(JSON.stringify([kigoBaseUrl, kigoPartnerId]))
    .digest('hex')
    .slice(0, 16);
  return `rewards-gateway:kigo:${scope}`;
}
