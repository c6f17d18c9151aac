import { DEMO_API_KEY } from '../../sandbox/src/gateway-process.js';
import { KIGO_DEFAULTS, KIIP_DEFAULTS } from '@rewards-gateway/sandbox';

/** The default URLs of the simulated upstreams. */
export const vendorUrls = {
  KIGO_BASE_URL: 'http://127.0.0.1:3001',
  KIIP_BASE_URL: 'http://127.0.0.1:3002',
};

/** The credentials that the simulated upstreams accept by default. */
export const demonstrationSecrets = {
  KIGO_PARTNER_ID: KIGO_DEFAULTS.partnerId,
  KIGO_API_KEY: KIGO_DEFAULTS.apiKeys[0],
  KIIP_APP_KEY: KIIP_DEFAULTS.appKey,
  KIIP_APP_SECRETS: KIIP_DEFAULTS.appSecret,
  API_KEYS: `demo:${DEMO_API_KEY}`,
};
