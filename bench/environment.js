// How all measured servers are configured, gateways and what they are compared with, and what Kiip calls them with.
import { hash, randomUUID } from 'node:crypto';
import process from 'node:process';

export const API_KEY = 'key-of-the-benchmark';
export const KIIP_SECRET = 'secret-of-the-benchmark';
export const CONSUMER_SECRET = 'whsec_YmVuY2gtYmVuY2gtYmVuY2gtYmVuY2g=';
export const CONTENT = '5473ca54-59a5-cf65-d319-c91697297fcc';

export function environment(vendors = 'http://127.0.0.1:9') {
  return {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    KIGO_BASE_URL: vendors,
    KIGO_PARTNER_ID: 'bench',
    KIGO_API_KEY: 'bench',
    KIIP_BASE_URL: vendors,
    KIIP_APP_KEY: 'bench',
    KIIP_APP_SECRETS: KIIP_SECRET,
    KIIP_REWARD_HOSTS: 'api.kiip.me',
    KIIP_CURRENCIES: JSON.stringify({ [CONTENT]: { name: 'Coins', max_quantity: 1000 } }),
    // Callbacks come without a moment before.
    KIIP_UNKNOWN_REWARDS: 'accept',
    KIIP_UNKNOWN_USERS: 'accept',
    KIIP_USER_REFERENCE: 'plain',
    API_KEYS: `bench:${API_KEY}`,
    // Counts, as in production, and is never reached.
    RATE_LIMIT_PER_MINUTE: '1000000000',
  };
}

export function signedCallback(user_id = `user-${randomUUID()}`) {
  const [name, quantity, transaction_id] = ['Coins', 20, randomUUID()];
  const signature = hash('sha1', [CONTENT, name, quantity, user_id, transaction_id, KIIP_SECRET].join(''));
  return JSON.stringify({ content: CONTENT, name, quantity, user_id, transaction_id, signature });
}
