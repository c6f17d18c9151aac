import { hash } from 'node:crypto';
import { isLoopback, NEW_WEBHOOK_SECRET } from './parsers.js';
import type { ConfigValues } from './variables.js';

/** What verifies or admits somebody: guesses at a rate that nobody notices must not find it. */
const MIN_LENGTH = 16;
/** 192 bits (Standard Webhooks). */
const MIN_WEBHOOK_BYTES = 24;

/**
 * Hashes (SHA-256) of secrets that everybody can read: the sandbox, the examples and the tests of specifications use them. As hashes,
 * they are not in the image for production.
 */
const PUBLISHED = new Set([
  'fZkhXIB3wkvAN3HOGZfFupt4lWzvkyVcitBJ7xWta3A',
  'nI8aqfdaEhyu2IQq0fkLJLFOChyQJ_lr6SwLPlFwhEk',
  'SwPeeAUCOLuWJPGmNczQ93ic5-fXQHVvMPWy2jVaf5E',
  'BWplAIKMWjTf4ZP4DgdiHSCrmOTMP6tvXy3GDTONlFs',
  '8k8GhYU74Amh56Js5e-uvqq7Hic_MwwE9Ud1ff62LFo',
  'A5mWkeoqL6MuUr4DICZ7ASqHxlzQPj0SPNqQhsiR0SE',
  'TfIqlGfvD0IrkQ4mZ0oi4O17jkh1eVf7IvLuNN9jzQQ',
  'cT5p5XAttgs3htMJbhrT0terxKifNHFQ0SM1jds4gpQ',
  'AgYsfE0lMoUjk3Jl11IGkV-yETQ-CUXs_354nxn8B1s',
  'AEkh4nwvkjDYnG7_1qL1vtQr_gN7rIqyq_h8voAqi3Q',
  'lq0szYFGKnZheK4Jpx31X1SKP2baEWBvnN9As5HiLdA',
]);

/**
 * Secrets that anybody may guess or read. They are accepted while every vendor is on this machine, as in tests and the sandbox:
 * there is nothing to protect then.
 */
export function* weakSecrets(values: Partial<ConfigValues>): Iterable<[env: string, message: string]> {
  const isWorker = values.role === 'worker';
  if (hasLocalVendors(values)) return;
  // A worker calls its consumers alone.
  if (isWorker && areOnLoopback((values.deliveryConsumers ?? []).map(({ url }) => url))) return;
  const secrets = {
    KIGO_API_KEY: [values.kigoApiKey],
    KIIP_APP_KEY: [values.kiipAppKey],
    KIIP_APP_SECRETS: values.kiipAppSecrets,
    API_KEYS: values.apiKeys?.map(({ key }) => key),
  };
  if (!isWorker) for (const [env, list] of Object.entries(secrets)) yield* weakIn(env, list);
  for (const { name, secrets } of values.deliveryConsumers ?? [])
    yield* weakIn(
      'DELIVERY_CONSUMERS',
      secrets,
      `consumer ${name}: ${NEW_WEBHOOK_SECRET} prints a new one; `,
    );
}

/** @param hint how to put it right */
function* weakIn(
  env: string,
  list: readonly (string | undefined)[] = [],
  hint = '',
): Iterable<[env: string, message: string]> {
  const exception = `(${hint}it may while every vendor is on loopback)`;
  const secrets = list.filter((secret) => secret !== undefined);
  if (secrets.some((secret) => PUBLISHED.has(hash('sha256', secret, 'base64url'))))
    yield [env, `must not contain a published secret ${exception}`];
  else if (secrets.some((secret) => isShort(env, secret)))
    yield [env, `must not contain a secret of less than ${minimum(env)} ${exception}`];
}

/** Whether there is nothing to protect. */
export function hasLocalVendors({ kigoBaseUrl, kiipBaseUrl }: Partial<ConfigValues>): boolean {
  return areOnLoopback([kigoBaseUrl, kiipBaseUrl]);
}

function areOnLoopback(urls: (string | undefined)[]): boolean {
  return urls.every((url) => url === undefined || isLoopback(new URL(url).hostname));
}

/** Kigo and Kiip choose the credentials that we send them. */
function isShort(env: string, secret: string): boolean {
  if (env === 'DELIVERY_CONSUMERS')
    return Buffer.from(secret.slice('whsec_'.length), 'base64').length < MIN_WEBHOOK_BYTES;
  return (env === 'KIIP_APP_SECRETS' || env === 'API_KEYS') && secret.length < MIN_LENGTH;
}

function minimum(env: string): string {
  return env === 'DELIVERY_CONSUMERS' ? `${MIN_WEBHOOK_BYTES} bytes` : `${MIN_LENGTH} characters`;
}
