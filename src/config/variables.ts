import * as parse from './parsers.js';
import type { Parser } from './parsers.js';

/** The values that a default may depend on. An invalid variable has none. */
interface PrecedingValues {
  readonly kiipBaseUrl?: string;
}

/** One environment variable: its name, parser, default, secrecy and meaning. docs/configuration.md is generated from this. */
export interface Variable<T> {
  readonly env: string;
  /** One sentence for operators. */
  readonly description: string;
  readonly parse: Parser<T>;
  /** As written in the environment. Without a default, an unset variable is `undefined`. */
  readonly default?: string;
  /** A default that depends on a variable above this one. */
  readonly defaultFrom?: (preceding: PrecedingValues) => T;
  readonly required?: boolean;
  /** May also be given as `<env>_FILE`, and is never printed. */
  readonly secret?: boolean;
}

function withDefault<T>(
  env: string,
  parser: Parser<T>,
  defaultValue: string,
  description: string,
): Variable<T> {
  return { env, description, parse: parser, default: defaultValue };
}

function required<T>(env: string, parser: Parser<T>, description: string): Variable<T> {
  return { env, description, parse: parser, required: true };
}

function optional<T>(env: string, parser: Parser<T>, description: string): Variable<T | undefined> {
  return { env, description, parse: parser };
}

function secret<T>(variable: Variable<T>): Variable<T> {
  return { ...variable, secret: true };
}

/** Every variable that the service reads, by its name in the Config. */
export const VARIABLES = {
  port: withDefault('PORT', parse.port, '3000', 'The port to listen on; `0` picks a free port and logs it.'),
  host: withDefault('HOST', parse.singleLine, '0.0.0.0', 'The address to listen on.'),
  kigoBaseUrl: required('KIGO_BASE_URL', parse.baseUrl, 'The base URL of the Kigo API.'),
  kigoPartnerId: required(
    'KIGO_PARTNER_ID',
    parse.singleLine,
    'The partner id that the gateway logs in to Kigo with.',
  ),
  kigoApiKey: secret(
    required('KIGO_API_KEY', parse.singleLine, 'The API key that the gateway logs in to Kigo with.'),
  ),
  kigoTokenTtlSeconds: withDefault(
    'KIGO_TOKEN_TTL_SECONDS',
    parse.positive,
    '1800',
    'The lifetime of a Kigo token, counted from the moment the login request is sent.',
  ),
  kigoTimeoutMs: withDefault(
    'KIGO_TIMEOUT_MS',
    parse.durationMs,
    '3000',
    'The timeout of one attempt of a call to Kigo.',
  ),
  kiipTimeoutMs: withDefault(
    'KIIP_TIMEOUT_MS',
    parse.durationMs,
    '3000',
    'The timeout of one attempt of a call to Kiip.',
  ),
  upstreamDeadlineMs: withDefault(
    'UPSTREAM_DEADLINE_MS',
    parse.durationMs,
    '10000',
    'The time limit for all attempts of one upstream call together.',
  ),
  accountTtlSeconds: withDefault(
    'ACCOUNT_TTL_SECONDS',
    parse.positive,
    '86400',
    'How long the account id of a pair of external ids is cached.',
  ),
  hubSummaryTtlSeconds: withDefault(
    'HUB_SUMMARY_TTL_SECONDS',
    parse.positive,
    '300',
    'How long a hub summary is fresh; Kigo recommends 300 to 900.',
  ),
  hubSummaryStaleSeconds: withDefault(
    'HUB_SUMMARY_STALE_SECONDS',
    parse.positive,
    '3600',
    'How long after that an expired hub summary may be served while Kigo is failing.',
  ),
  notFoundTtlSeconds: withDefault(
    'NOT_FOUND_TTL_SECONDS',
    parse.positive,
    '60',
    'How long the absence of an account is cached.',
  ),
  kiipBaseUrl: withDefault(
    'KIIP_BASE_URL',
    parse.baseUrl,
    'https://api.kiip.me',
    'The base URL of the Kiip API.',
  ),
  kiipAppKey: required(
    'KIIP_APP_KEY',
    parse.singleLine,
    'The key that is sent as `app.app_key` in every request to Kiip.',
  ),
  kiipAppSecrets: secret(
    required(
      'KIIP_APP_SECRETS',
      parse.list,
      'The secrets that verify callbacks, separated by commas or newlines; a callback may be signed with any of them.',
    ),
  ),
  kiipSessionPath: withDefault(
    'KIIP_SESSION_PATH',
    parse.path,
    '/2.0/server/moment/',
    'The path of a session call to Kiip.',
  ),
  kiipMomentPath: withDefault(
    'KIIP_MOMENT_PATH',
    parse.path,
    '/2.0/server/moment/',
    'The path of a moment call to Kiip.',
  ),
  kiipSdkVersion: withDefault(
    'KIIP_SDK_VERSION',
    parse.singleLine,
    '1.0',
    'The `sdk_version` field of every request to Kiip.',
  ),
  kiipTestMode: withDefault(
    'KIIP_TEST_MODE',
    parse.flag,
    'false',
    'The `test` field of every request to Kiip.',
  ),
  kiipRewardHosts: {
    env: 'KIIP_REWARD_HOSTS',
    description:
      'The hosts (`host` or `host:port`, comma separated) that the `body_url` of a reward may point to, over https unless ' +
      'loopback; defaults to the host of `KIIP_BASE_URL`.',
    parse: parse.hosts,
    defaultFrom: ({ kiipBaseUrl }: PrecedingValues) =>
      kiipBaseUrl === undefined ? [] : [new URL(kiipBaseUrl).host],
  },
  kiipUnknownUsers: withDefault(
    'KIIP_UNKNOWN_USERS',
    parse.oneOf('accept', 'quarantine'),
    'accept',
    'Whether callbacks for users that this gateway never sent to Kiip are accepted or wait in quarantine for a decision.',
  ),
  kiipCurrencies: optional(
    'KIIP_CURRENCIES',
    parse.currencies,
    'The currencies that callbacks may issue, as JSON `{"<content>": {"name": "Coins", "max_quantity": 1000}}`; when set, ' +
      'callbacks with other contents, names or larger quantities are quarantined.',
  ),
  kiipLegacySignature: withDefault(
    'KIIP_LEGACY_SIGNATURE',
    parse.flag,
    'false',
    'Whether redemptions signed without `name` are accepted as well.',
  ),
  kiipUserReference: withDefault(
    'KIIP_USER_REFERENCE',
    parse.oneOf('plain', 'opaque'),
    'plain',
    'Whether Kiip receives `user.userid` as given, or an opaque reference that is mapped back on callbacks.',
  ),
  redisUrl: secret(
    optional(
      'REDIS_URL',
      parse.redisUrl,
      'The `redis://` or `rediss://` URL of the cache that all replicas share; when unset, each replica caches in memory.',
    ),
  ),
  databaseUrl: secret(
    optional(
      'DATABASE_URL',
      parse.urlOf('postgres:', 'postgresql:'),
      'The URL of the PostgreSQL database; when unset, the embedded database in `DATA_DIR` is used.',
    ),
  ),
  databaseTimeoutMs: withDefault(
    'DATABASE_TIMEOUT_MS',
    parse.durationMs,
    '3000',
    'The time limit of one database statement, after which the response is `503`.',
  ),
  dataDir: withDefault('DATA_DIR', parse.singleLine, './data', 'The directory of the embedded database.'),
  callerAuth: withDefault(
    'CALLER_AUTH',
    parse.oneOf('api-key', 'jwt', 'none'),
    'api-key',
    'How callers authenticate; `none` lets everybody call.',
  ),
  apiKeys: secret(
    optional(
      'API_KEYS',
      parse.apiKeys,
      'The API keys of callers, as `name:key` pairs separated by commas or newlines, with any number of keys for each name; ' +
        'required when `CALLER_AUTH` is `api-key`.',
    ),
  ),
  jwtIssuer: optional(
    'JWT_ISSUER',
    parse.singleLine,
    'The `iss` claim that the tokens of callers must have; required when `CALLER_AUTH` is `jwt`.',
  ),
  jwtAudience: optional(
    'JWT_AUDIENCE',
    parse.singleLine,
    'The audience that the `aud` claim of tokens must contain; required when `CALLER_AUTH` is `jwt`.',
  ),
  jwtJwksUrl: optional(
    'JWT_JWKS_URL',
    parse.urlOf('http:', 'https:'),
    'The URL of the JSON Web Key Set of the token issuer; required when `CALLER_AUTH` is `jwt`.',
  ),
  callerScopes: optional(
    'CALLER_SCOPES',
    parse.callerScopes,
    'The scopes of each caller, as JSON `{"<caller>": ["kigo:read"]}`; when unset, every caller may do everything; when set, ' +
      'a caller that is not listed may do nothing.',
  ),
  deliveryConsumers: secret(
    optional(
      'DELIVERY_CONSUMERS',
      parse.consumers,
      'The webhook receivers, as a JSON list of `{"name","url","secrets":["whsec_…"],"events":["kiip.currency.issued"]}`, each ' +
        'with an optional `order_by` and `concurrency` (8).',
    ),
  ),
  rateLimitPerMinute: withDefault(
    'RATE_LIMIT_PER_MINUTE',
    parse.zeroOrMore,
    '6000',
    'The number of requests per minute that a caller may make, over all its keys; `0` turns the limit off.',
  ),
  callbackRateLimitPerMinute: withDefault(
    'CALLBACK_RATE_LIMIT_PER_MINUTE',
    parse.zeroOrMore,
    '60000',
    'The number of callbacks per minute from one source address; `0` turns the limit off.',
  ),
  trustedProxyHops: withDefault(
    'TRUSTED_PROXY_HOPS',
    parse.wholeNumber,
    '0',
    'The number of proxies in front of the gateway whose `X-Forwarded-For` is trusted.',
  ),
  allowInsecureUpstreams: withDefault(
    'ALLOW_INSECURE_UPSTREAMS',
    parse.flag,
    'false',
    'Whether plain `http://` is allowed for hosts that are not loopback.',
  ),
  shutdownGraceSeconds: withDefault(
    'SHUTDOWN_GRACE_SECONDS',
    parse.durationSeconds,
    '20',
    'The time to drain after SIGTERM; requests on open connections are still served, with `Connection: close`.',
  ),
  otelEndpoint: optional(
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    parse.baseUrl,
    'The URL of the collector that receives traces over OTLP/HTTP, such as `http://collector:4318`; when unset, no traces ' +
      'are recorded.',
  ),
  role: withDefault(
    'ROLE',
    parse.oneOf('api', 'worker', 'all'),
    'all',
    'Which part of the service this process runs: `api` serves callers and leaves deliveries to workers, `worker` delivers ' +
      'and serves only `/health` and `/metrics`, `all` does both.',
  ),
  logLevel: withDefault(
    'LOG_LEVEL',
    parse.oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    'info',
    'The lowest level that is logged; the log is one JSON object per line on stdout.',
  ),
} satisfies Record<string, Variable<unknown>>;

type Variables = typeof VARIABLES;

/** The values of all variables, each with the type that its parser returns. */
export type ConfigValues = {
  readonly [Name in keyof Variables]: Variables[Name] extends Variable<infer T> ? T : never;
};
