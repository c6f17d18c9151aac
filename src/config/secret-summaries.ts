import { DEFAULT_SCOPES } from './parsers.js';
import type { ConfigValues } from './variables.js';

type Summaries = {
  readonly [Name in keyof ConfigValues]?: (
    value: NonNullable<ConfigValues[Name]>,
    all: ConfigValues,
  ) => string;
};

/** What may be shown of a secret: who it is for, where it leads, and how many there are. No part of a credential. */
export const SECRET_SUMMARIES: Summaries = {
  kiipAppSecrets: (secrets) => count(secrets.length, 'secret'),
  redisUrl: hostOf,
  redisSentinels: (urls) => urls.map(hostOf).join(', '),
  databaseUrl: hostOf,
  httpsProxy: hostOf,
  httpProxy: hostOf,
  apiKeys: (keys, { callerScopes }) =>
    Array.from(
      Map.groupBy(keys, ({ name }) => name),
      ([name, { length }]) => {
        const scopes = (callerScopes ? callerScopes[name] : DEFAULT_SCOPES) ?? [];
        return `${name}: ${count(length, 'key')}, ${scopes.join(' ') || 'no scope'}`;
      },
    ).join('; '),
  deliveryConsumers: (consumers) =>
    consumers
      .map(({ name, url, secrets }) => `${name}: ${new URL(url).host}, ${count(secrets.length, 'secret')}`)
      .join('; '),
};

/** The host and the database of a URL, without its credentials and parameters. */
export function hostOf(url: string): string {
  const { host, pathname, searchParams } = new URL(url);
  // PostgreSQL takes the folder of a socket by this name.
  return (searchParams.get('host') ?? host) + (pathname === '/' ? '' : pathname);
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
