import type { Config } from '../config/config.js';
import { count } from '../config/secret-summaries.js';
import { KigoApiKey } from '../kigo-auth/kigo-api-key.js';
import { kigoOptions } from '../kigo-auth/kigo-http.js';
import { KigoLogin, KigoLoginHttp } from '../kigo-auth/kigo-login.js';
import { BreakerRegistry } from '../upstream/breaker-registry.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import { adviseOn, failed, ok } from './finding.js';
import type { Finding } from './finding.js';
import { reach } from './reachability.js';

const UNUSED = 'not used where ROLE is worker';

/** Logs in once, without a retry: more logins could lock the partner out. The token is dropped. */
export async function checkKigo(config: Config): Promise<Finding[]> {
  if (config.role === 'worker') return [ok('kigo', UNUSED)];
  const http = new KigoLoginHttp({
    ...kigoOptions(config, new BreakerRegistry()),
    operations: ['login'],
    concurrency: 1,
    queue: 1,
    interceptors: [],
  });
  const { origin } = new URL(config.kigoBaseUrl);
  try {
    await new KigoLogin(http, config, new KigoApiKey(config)).logIn();
    return [ok('kigo', `${origin} accepts the credentials (one login)`)];
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    return [failed('kigo', `${origin}: ${error.message.replace('kigo ', '')}: ${adviseOnLogin(error)}`)];
  } finally {
    await http.onApplicationShutdown();
  }
}

function adviseOnLogin({ failure, message }: UpstreamError): string {
  if (failure === 'unreachable' || failure === 'timeout') return adviseOn(message);
  if (failure === 'credentials_rejected')
    return 'correct KIGO_PARTNER_ID and KIGO_API_KEY before a gateway logs in with them';
  return failure === 'busy' ? 'try again later' : 'correct KIGO_BASE_URL, or ask Kigo';
}

/** Connects only: every session or moment counts for somebody. */
export async function checkKiip(config: Config): Promise<Finding[]> {
  if (config.role === 'worker') return [ok('kiip', UNUSED)];
  return [await reach('kiip', config.kiipBaseUrl, { proxy: config })];
}

/** The keys of callers' tokens. */
export async function checkTokenKeys(config: Config): Promise<Finding[]> {
  const { role, callerAuth, jwtJwksUrl } = config;
  if (role === 'worker' || callerAuth !== 'jwt' || jwtJwksUrl === undefined) return [];
  return [await reach('token keys', jwtJwksUrl, { proxy: config })];
}

/** Connects only. `POST /api/v1/deliveries/consumers/{name}/test` of a running gateway sends a signed event. */
export async function checkConsumers(config: Config): Promise<Finding[]> {
  const { role, deliveryConsumers = [] } = config;
  if (deliveryConsumers.length === 0) return [ok('consumers', 'none in DELIVERY_CONSUMERS')];
  if (role === 'api') return [ok('consumers', 'workers reach them: run this command in a worker, too')];
  return Promise.all(
    deliveryConsumers.map(({ name, url, secrets }) =>
      reach(`consumer ${name}`, url, { proxy: config, more: `, ${count(secrets.length, 'secret')}` }),
    ),
  );
}
