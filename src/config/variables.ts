import * as parse from './parsers.js';
import type { Parser } from './parsers.js';

/** What a default may depend on; a bad variable is not there. */
interface PrecedingValues {
  readonly kiipBaseUrl?: string;
}

/** One environment variable: how it is called, read, masked and explained. The README's table is checked against this. */
export interface Variable<T> {
  readonly env: string;
  readonly parse: Parser<T>;
  /** As it would stand in the environment. Without one, an unset variable is `undefined`. */
  readonly default?: string;
  /** A default that depends on a variable above it. */
  readonly defaultFrom?: (above: PrecedingValues) => T;
  readonly required?: boolean;
  /** May also be given as `<env>_FILE`, and is never printed. */
  readonly secret?: boolean;
}

function withDefault<T>(env: string, parser: Parser<T>, fallback: string): Variable<T> {
  return { env, parse: parser, default: fallback };
}

function required<T>(env: string, parser: Parser<T>): Variable<T> {
  return { env, parse: parser, required: true };
}

function optional<T>(env: string, parser: Parser<T>): Variable<T | undefined> {
  return { env, parse: parser };
}

function secret<T>(variable: Variable<T>): Variable<T> {
  return { ...variable, secret: true };
}

/** Every variable that the service reads (contract, section 2), by its name in the Config. */
export const VARIABLES = {
  port: withDefault('PORT', parse.port, '3000'),
  host: withDefault('HOST', parse.singleLine, '0.0.0.0'),
  kigoBaseUrl: required('KIGO_BASE_URL', parse.baseUrl),
  kigoPartnerId: required('KIGO_PARTNER_ID', parse.singleLine),
  kigoApiKey: secret(required('KIGO_API_KEY', parse.singleLine)),
  kigoTokenTtlSeconds: withDefault('KIGO_TOKEN_TTL_SECONDS', parse.positive, '1800'),
  kigoTimeoutMs: withDefault('KIGO_TIMEOUT_MS', parse.positive, '3000'),
  kiipTimeoutMs: withDefault('KIIP_TIMEOUT_MS', parse.positive, '3000'),
  upstreamDeadlineMs: withDefault('UPSTREAM_DEADLINE_MS', parse.positive, '10000'),
  accountTtlSeconds: withDefault('ACCOUNT_TTL_SECONDS', parse.positive, '86400'),
  hubSummaryTtlSeconds: withDefault('HUB_SUMMARY_TTL_SECONDS', parse.positive, '300'),
  hubSummaryStaleSeconds: withDefault('HUB_SUMMARY_STALE_SECONDS', parse.positive, '3600'),
  notFoundTtlSeconds: withDefault('NOT_FOUND_TTL_SECONDS', parse.positive, '60'),
  kiipBaseUrl: withDefault('KIIP_BASE_URL', parse.baseUrl, 'https://api.kiip.me'),
  kiipAppKey: required('KIIP_APP_KEY', parse.singleLine),
  kiipAppSecrets: secret(required('KIIP_APP_SECRETS', parse.list)),
  kiipSessionPath: withDefault('KIIP_SESSION_PATH', parse.path, '/2.0/server/moment/'),
  kiipMomentPath: withDefault('KIIP_MOMENT_PATH', parse.path, '/2.0/server/moment/'),
  kiipSdkVersion: withDefault('KIIP_SDK_VERSION', parse.singleLine, '1.0'),
  kiipTestMode: withDefault('KIIP_TEST_MODE', parse.flag, 'false'),
  kiipRewardHosts: {
    env: 'KIIP_REWARD_HOSTS',
    parse: parse.hosts,
    defaultFrom: ({ kiipBaseUrl }: PrecedingValues) =>
      kiipBaseUrl === undefined ? [] : [new URL(kiipBaseUrl).host],
  },
  kiipUnknownUsers: withDefault('KIIP_UNKNOWN_USERS', parse.oneOf('accept', 'quarantine'), 'accept'),
  kiipCurrencies: optional('KIIP_CURRENCIES', parse.currencies),
  kiipLegacySignature: withDefault('KIIP_LEGACY_SIGNATURE', parse.flag, 'false'),
  kiipUserReference: withDefault('KIIP_USER_REFERENCE', parse.oneOf('plain', 'opaque'), 'plain'),
  redisUrl: secret(optional('REDIS_URL', parse.redisUrl)),
  databaseUrl: secret(optional('DATABASE_URL', parse.urlOf('postgres:', 'postgresql:'))),
  databaseTimeoutMs: withDefault('DATABASE_TIMEOUT_MS', parse.positive, '3000'),
  dataDir: withDefault('DATA_DIR', parse.singleLine, './data'),
  callerAuth: withDefault('CALLER_AUTH', parse.oneOf('api-key', 'jwt', 'none'), 'api-key'),
  apiKeys: secret(optional('API_KEYS', parse.apiKeys)),
  jwtIssuer: optional('JWT_ISSUER', parse.singleLine),
  jwtAudience: optional('JWT_AUDIENCE', parse.singleLine),
  jwtJwksUrl: optional('JWT_JWKS_URL', parse.urlOf('http:', 'https:')),
  callerScopes: optional('CALLER_SCOPES', parse.callerScopes),
  deliveryConsumers: secret(optional('DELIVERY_CONSUMERS', parse.consumers)),
  rateLimitPerMinute: withDefault('RATE_LIMIT_PER_MINUTE', parse.zeroOrMore, '6000'),
  callbackRateLimitPerMinute: withDefault('CALLBACK_RATE_LIMIT_PER_MINUTE', parse.zeroOrMore, '60000'),
  trustedProxyHops: withDefault('TRUSTED_PROXY_HOPS', parse.wholeNumber, '0'),
  allowInsecureUpstreams: withDefault('ALLOW_INSECURE_UPSTREAMS', parse.flag, 'false'),
  shutdownGraceSeconds: withDefault('SHUTDOWN_GRACE_SECONDS', parse.positive, '20'),
  otelEndpoint: optional('OTEL_EXPORTER_OTLP_ENDPOINT', parse.baseUrl),
  role: withDefault('ROLE', parse.oneOf('api', 'worker', 'all'), 'all'),
  logLevel: withDefault(
    'LOG_LEVEL',
    parse.oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    'info',
  ),
} satisfies Record<string, Variable<unknown>>;

type Variables = typeof VARIABLES;

/** The values of all variables, each with the type that its parser gives. */
export type ConfigValues = {
  readonly [Name in keyof Variables]: Variables[Name] extends Variable<infer T> ? T : never;
};
