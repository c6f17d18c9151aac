import { DEMO_API_KEY } from '../../sandbox/src/gateway-process.js';
import { KIGO_DEFAULTS, KIIP_DEFAULTS } from '@rewards-gateway/sandbox';

/** Where the simulated vendors listen unless told otherwise. */
export const vendorUrls = {
  KIGO_BASE_URL: 'http://127.0.0.1:3001',
  KIIP_BASE_URL: 'http://127.0.0.1:3002',
};

/** What a gateway has to be given so that the simulated vendors take it for theirs. */
export const demonstrationSecrets = {
  KIGO_PARTNER_ID: KIGO_DEFAULTS.partnerId,
  KIGO_API_KEY: KIGO_DEFAULTS.apiKeys[0],
  KIIP_APP_KEY: KIIP_DEFAULTS.appKey,
  KIIP_APP_SECRETS: KIIP_DEFAULTS.appSecret,
  API_KEYS: `demo:${DEMO_API_KEY}`,
};
