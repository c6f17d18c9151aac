import { isLoopback } from './parsers.js';
import type { ConfigValues } from './variables.js';

/** What verifies or admits somebody: guesses at a rate that nobody notices must not find it. */
const MIN_LENGTH = 16;
/** 192 bits (Standard Webhooks). */
const MIN_WEBHOOK_BYTES = 24;

/** Everybody can read these: the sandbox, the examples and the tests of specifications use them. */
const PUBLISHED = new Set([
  'demo-kigo-key',
  'demo-kiip-app-key',
  'demo-kiip-app-secret',
  'demo-key-for-this-machine-only',
  'demo-kiip-previous-secret',
  'your-kigo-api-key',
  'your-kiip-app-key',
  'your-kiip-app-secret',
  'choose-a-long-random-key',
  'whsec_ZGVtby13YWxsZXQtc2VjcmV0LWZvci10aGlzLW1hY2hpbmUtb25seQ==',
  'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
]);

/**
 * Secrets that anybody may guess or read. They are accepted while every vendor is on this machine, as in tests and the sandbox:
 * there is nothing to protect then.
 */
export function* weakSecrets(values: Partial<ConfigValues>): Iterable<[env: string, message: string]> {
  const isWorker = values.role === 'worker';
  if (areOnLoopback([values.kigoBaseUrl, values.kiipBaseUrl])) return;
  // A worker calls its consumers alone.
  if (isWorker && areOnLoopback((values.deliveryConsumers ?? []).map(({ url }) => url))) return;
  const consumers = { DELIVERY_CONSUMERS: values.deliveryConsumers?.flatMap((consumer) => consumer.secrets) };
  const secrets = {
    KIGO_API_KEY: [values.kigoApiKey],
    KIIP_APP_KEY: [values.kiipAppKey],
    KIIP_APP_SECRETS: values.kiipAppSecrets,
    API_KEYS: values.apiKeys?.map(({ key }) => key),
    ...consumers,
  };
  for (const [env, list = []] of Object.entries(isWorker ? consumers : secrets)) {
    if (list.some((secret) => secret !== undefined && PUBLISHED.has(secret)))
      yield [env, 'must not contain a published secret (it may while every vendor is on loopback)'];
    else if (list.some((secret) => secret !== undefined && isShort(env, secret)))
      yield [
        env,
        `must not contain a secret of less than ${minimum(env)} (it may while every vendor is on loopback)`,
      ];
  }
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
