import { hash } from 'node:crypto';
import type { Config } from '../config/config.js';

/**
 * Keeps the keys of environments that share a Redis apart: those of one environment have the same Kigo, partner and database, with
 * whatever credentials.
 */
export function redisScope({ kigoBaseUrl, kigoPartnerId, databaseUrl }: Config): string {
  const { host, pathname } = databaseUrl === undefined ? { host: '', pathname: '' } : new URL(databaseUrl);
  return hash('sha256', JSON.stringify([kigoBaseUrl, kigoPartnerId, host, pathname])).slice(0, 16);
}
