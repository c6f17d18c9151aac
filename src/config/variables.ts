import * as parse from './parsers.js';
import type { Parser } from './parsers.js';

/** The values that a default may depend on. An invalid variable has none. */
interface PrecedingValues {
  readonly kiipBaseUrl?: string;
  readonly trustedProxyHops?: number;
}

/** One environment variable: its name, parser, default and description. docs/configuration.md is generated from it. */
export interface Variable<T> {
  readonly env: string;
  /** What it sets, for docs/configuration.md. */
  readonly description: string;
  readonly parse: Parser<T>;
  /** As written in the environment. Without a default, an unset variable is `undefined`. */
  readonly default?: string;
  /** A default that depends on a variable above this one. */
  readonly defaultFrom?: (preceding: PrecedingValues) => T;
  /** Describes that default in Markdown. */
  readonly defaultText?: string;
  readonly required?: boolean;
  /** Another name, which counts where the first one is unset. */
  readonly alias?: string;
  /** Its string in a worker in which it is not set, since a worker never uses it. */
  readonly unusedByWorker?: string;
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

/** Required, but not by a worker, which only delivers. */
function requiredToServe<T>(
  env: string,
  parser: Parser<T>,
  description: string,
  unusedByWorker = 'unused',
): Variable<T> {
  return { env, description, parse: parser, required: true, unusedByWorker };
}

function optional<T>(env: string, parser: Parser<T>, description: string): Variable<T | undefined> {
  return { env, description, parse: parser };
}

function secret<T>(variable: Variable<T>): Variable<T> {
  return { ...variable, secret: true };
}

/** Secret, since it may contain credentials. Most programs take these names in lower case as well. */
function proxyVariable(env: string, description: string): Variable<string | undefined> {
  return {
    ...secret(
      optional(env, parse.urlOfProxy, `${description} \`http://\` or \`https://\`, also in lower case.`),
    ),
    alias: env.toLowerCase(),
  };
}

/** Every variable that the service reads, by its name in the Config. */
export const VARIABLES = {
  port: withDefault('PORT', parse.port, '3000', 'Port to listen on. `0` picks a free port and logs it.'),
  callbackPort: optional(
    'CALLBACK_PORT',
    parse.port,
    'Port of `/callbacks` alone, which `PORT` then no longer serves. Unset: on `PORT`.',
  ),
  managementPort: optional(
    'MANAGEMENT_PORT',
    parse.port,
    'Port of `/health`, `/metrics`, `/docs`, `/openapi.*` and `/console` alone, which `PORT` then no longer serves. Unset: on `PORT`.',
  ),
  host: withDefault(
    'HOST',
    parse.listenHost,
    '0.0.0.0',
    'Address to listen on, for every port. `::` listens on IPv6 and IPv4.',
  ),
  console: withDefault(
    'CONSOLE',
    parse.flag,
    'true',
    'Whether there is `/console`, the page for people. It shows what the credential that they enter may see.',
  ),
  consoleSandbox: optional(
    'CONSOLE_SANDBOX',
    parse.sandboxOrigins,
    'For the sandbox: JSON `{"kigo", "kiip", "wallet"}`, the origins of its control APIs, and optionally `redis`. The console has a page to play with them. Unset in production.',
  ),
  kigoBaseUrl: requiredToServe('KIGO_BASE_URL', parse.baseUrl, 'Origin of Kigo.', 'https://unused.invalid'),
  kigoPartnerId: secret(requiredToServe('KIGO_PARTNER_ID', parse.singleLine, 'Partner id at Kigo.')),
  kigoApiKey: secret(
    requiredToServe(
      'KIGO_API_KEY',
      parse.singleLine,
      'API key at Kigo. Read again when its file changes; used once a login with it has succeeded.',
    ),
  ),
  kigoTokenTtlSeconds: withDefault(
    'KIGO_TOKEN_TTL_SECONDS',
    parse.positive,
    '1800',
    'Lifetime of a Kigo token, counted from the moment the login request is sent.',
  ),
  kigoTimeoutMs: withDefault(
    'KIGO_TIMEOUT_MS',
    parse.durationMs,
    '3000',
    'Time limit of one attempt to call Kigo.',
  ),
  kiipTimeoutMs: withDefault(
    'KIIP_TIMEOUT_MS',
    parse.durationMs,
    '3000',
    'Time limit of one attempt to call Kiip.',
  ),
  upstreamDeadlineMs: withDefault(
    'UPSTREAM_DEADLINE_MS',
    parse.durationMs,
    '10000',
    'Time limit of all attempts of one upstream call together.',
  ),
  accountTtlSeconds: withDefault(
    'ACCOUNT_TTL_SECONDS',
    parse.positive,
    '86400',
    'How long the account id of a pair of external ids is fresh.',
  ),
  hubSummaryTtlSeconds: withDefault(
    'HUB_SUMMARY_TTL_SECONDS',
    parse.positive,
    '300',
    'How long a hub summary is fresh. Kigo advises 300 to 900.',
  ),
  hubSummaryStaleSeconds: withDefault(
    'HUB_SUMMARY_STALE_SECONDS',
    parse.positive,
    '3600',
    'How much longer cached values may be served while Kigo fails.',
  ),
  notFoundTtlSeconds: withDefault(
    'NOT_FOUND_TTL_SECONDS',
    parse.positive,
    '60',
    'How long "no such account" is remembered.',
  ),
  kiipBaseUrl: withDefault('KIIP_BASE_URL', parse.baseUrl, 'https://api.kiip.me', 'Origin of Kiip.'),
  kiipAppKey: secret(
    requiredToServe(
      'KIIP_APP_KEY',
      parse.singleLine,
      'App key at Kiip, part of every request. Read again when its file changes.',
    ),
  ),
  kiipAppSecrets: secret(
    requiredToServe(
      'KIIP_APP_SECRETS',
      parse.list,
      'App secrets at Kiip, separated by commas or newlines. Any of them verifies a callback. Never sent. Read again when its file changes.',
    ),
  ),
  kiipSessionPath: withDefault(
    'KIIP_SESSION_PATH',
    parse.path,
    '/2.0/server/moment/',
    'Path of a session call.',
  ),
  kiipMomentPath: withDefault(
    'KIIP_MOMENT_PATH',
    parse.path,
    '/2.0/server/moment/',
    'Path of a moment call.',
  ),
  kiipSdkVersion: withDefault(
    'KIIP_SDK_VERSION',
    parse.singleLine,
    '1.0',
    'The `sdk_version` of every request to Kiip.',
  ),
  kiipTestMode: withDefault(
    'KIIP_TEST_MODE',
    parse.flag,
    'false',
    'The `test` field of every request to Kiip. `true` makes Kiip return test rewards.',
  ),
  kiipRewardHosts: {
    env: 'KIIP_REWARD_HOSTS',
    description:
      'Hosts (`host` or `host:port`, comma separated) that a reward page may come from. Only https, unless the host is loopback.',
    parse: parse.hosts,
    defaultText: 'host of `KIIP_BASE_URL`',
    defaultFrom: ({ kiipBaseUrl }: PrecedingValues) =>
      kiipBaseUrl === undefined ? [] : [new URL(kiipBaseUrl).host],
  },
  kiipUnknownUsers: withDefault(
    'KIIP_UNKNOWN_USERS',
    parse.oneOf('accept', 'quarantine'),
    'quarantine',
    'What happens to callbacks for users who never went to Kiip through this gateway. `quarantine`: they wait for a decision.',
  ),
  kiipUnknownRewards: withDefault(
    'KIIP_UNKNOWN_REWARDS',
    parse.oneOf('accept', 'quarantine'),
    'quarantine',
    'What happens to callbacks for a transaction that no moment of this gateway has returned. `quarantine`: they wait for the moment or a decision. A transaction that was returned for another user, or with another quantity, always waits.',
  ),
  kiipCurrencies: optional(
    'KIIP_CURRENCIES',
    parse.currencies,
    'JSON `{"<content>": {"name": "Coins", "max_quantity": 1000, "quantities": [20, 50]}}`; both limits are optional. If set, callbacks with another content, name or quantity are quarantined.',
  ),
  kiipLegacySignature: withDefault(
    'KIIP_LEGACY_SIGNATURE',
    parse.flag,
    'false',
    'Also accept redemptions whose signature does not cover `name`.',
  ),
  kiipUserReference: withDefault(
    'KIIP_USER_REFERENCE',
    parse.oneOf('plain', 'opaque'),
    'opaque',
    '`opaque` sends a reference of fixed length to Kiip in place of `user.userid`, which callbacks are mapped back from. `plain` sends `user.userid` as it is.',
  ),
  redisUrl: secret(
    optional(
      'REDIS_URL',
      parse.redisUrl,
      '`redis://` or `rediss://`. Cache and coordination shared by all replicas. Unset: memory only.',
    ),
  ),
  redisSentinels: secret(
    optional(
      'REDIS_SENTINELS',
      parse.redisUrls,
      '`redis://` or `rediss://` URLs of Redis Sentinels, separated by commas. They say where the master is whose name is the host of `REDIS_URL`.',
    ),
  ),
  redisKeyPrefix: withDefault(
    'REDIS_KEY_PREFIX',
    parse.keyPrefix,
    'rewards-gateway:',
    'What all keys in Redis begin with.',
  ),
  databaseUrl: secret(
    optional(
      'DATABASE_URL',
      parse.databaseUrl,
      '`postgres://` or `postgresql://`. Version 14 or later. Unset: the embedded PostgreSQL.',
    ),
  ),
  databaseTimeoutMs: withDefault(
    'DATABASE_TIMEOUT_MS',
    parse.durationMs,
    '3000',
    'Time limit of a database statement. Beyond it the response is `503`.',
  ),
  databasePoolSize: withDefault(
    'DATABASE_POOL_SIZE',
    parse.poolSize,
    '18',
    'Database connections of a process, at most: five ninths for callbacks and moments, two for its own work, two for reads. At least 6.',
  ),
  dataDir: withDefault('DATA_DIR', parse.singleLine, './data', 'Folder of the embedded PostgreSQL.'),
  callerAuth: withDefault(
    'CALLER_AUTH',
    parse.oneOf('api-key', 'jwt', 'none'),
    'api-key',
    'How callers authenticate: `api-key`, `jwt`, or `none`, which lets everybody call.',
  ),
  apiKeys: secret(
    optional(
      'API_KEYS',
      parse.apiKeys,
      '`name:key` pairs, separated by commas or newlines. A name may have several keys. Required if `CALLER_AUTH` is `api-key`. Read again when its file changes.',
    ),
  ),
  jwtIssuer: optional(
    'JWT_ISSUER',
    parse.singleLine,
    "The `iss` of callers' tokens. Required if `CALLER_AUTH` is `jwt`.",
  ),
  jwtAudience: optional(
    'JWT_AUDIENCE',
    parse.singleLine,
    "A value that the `aud` of callers' tokens must contain. Required if `CALLER_AUTH` is `jwt`.",
  ),
  jwtJwksUrl: optional(
    'JWT_JWKS_URL',
    parse.urlOf('http:', 'https:'),
    "URL of the issuer's keys (a JWK Set). Required if `CALLER_AUTH` is `jwt`.",
  ),
  callerScopes: optional(
    'CALLER_SCOPES',
    parse.callerScopes,
    'JSON `{"<caller>": ["kigo:read"]}`. Unset: every caller has `kigo:read`, `kiip:write` and `ledger:read`. If set, a caller that is not listed has none. Required if `CALLER_AUTH` is `jwt`.',
  ),
  decisionReasonAbove: optional(
    'DECISION_REASON_ABOVE',
    parse.zeroOrMore,
    'The quantity above which a release or a discard must have a `reason`. Unset: it never must.',
  ),
  deliveryConsumers: secret(
    optional(
      'DELIVERY_CONSUMERS',
      parse.consumers,
      'JSON list of consumers `{"name", "url", "secrets", "events"}`, each optionally with `order_by`, `concurrency` (8) and `allow_insecure`, which allows its `http://` URL.',
    ),
  ),
  rateLimitPerMinute: withDefault(
    'RATE_LIMIT_PER_MINUTE',
    parse.zeroOrMore,
    '6000',
    'Calls per minute and caller, over all its keys; a batch counts as many as it has users. `0` turns the limit off.',
  ),
  callbackRateLimitPerMinute: withDefault(
    'CALLBACK_RATE_LIMIT_PER_MINUTE',
    parse.zeroOrMore,
    '60000',
    'Callbacks without a valid signature per minute and source address; valid ones are never limited. `0` turns the limit off.',
  ),
  callbackHoldSeconds: withDefault(
    'CALLBACK_HOLD_SECONDS',
    parse.durationSeconds,
    '8',
    'How long a callback waits for a database that is unavailable.',
  ),
  spoolDir: optional(
    'SPOOL_DIR',
    parse.singleLine,
    'A folder on a volume, where callbacks are kept that the database was not available for in time. Replicas may share it. Unset: those are answered `503`.',
  ),
  failedCredentialsPerMinute: withDefault(
    'FAILED_CREDENTIALS_PER_MINUTE',
    parse.zeroOrMore,
    '20',
    'Failed credentials per minute and source address, of each replica. Beyond it the response is `429`. `0` turns the limit off.',
  ),
  trustedProxyHops: withDefault(
    'TRUSTED_PROXY_HOPS',
    parse.wholeNumber,
    '0',
    'Number of proxies in front of the gateway whose `X-Forwarded-For` is trusted. `MANAGEMENT_PORT` trusts none.',
  ),
  httpsProxy: proxyVariable(
    'HTTPS_PROXY',
    'Proxy for `https://` URLs of vendors, consumers, token keys and traces.',
  ),
  httpProxy: proxyVariable(
    'HTTP_PROXY',
    'Proxy for `http://` URLs of vendors, consumers, token keys and traces.',
  ),
  noProxy: {
    ...optional(
      'NO_PROXY',
      parse.singleLine,
      'Hosts that are reached without a proxy, separated by commas: `host`, `host:port`, `.domain`, or `*` for all. This machine always is.',
    ),
    alias: 'no_proxy',
  },
  maxConnections: withDefault(
    'MAX_CONNECTIONS',
    parse.wholeNumber,
    '10000',
    'Connections of clients that each port has at a time. Beyond it, the idlest is closed. `0` turns the limit off.',
  ),
  maxConnectionsPerAddress: {
    env: 'MAX_CONNECTIONS_PER_ADDRESS',
    description:
      'Connections of one client address (an IPv6 address by its /64 network) to each port. `0` turns the limit off: behind a load balancer, all connections come from its addresses.',
    parse: parse.wholeNumber,
    defaultText: '`1000`; `0` with `TRUSTED_PROXY_HOPS`',
    defaultFrom: ({ trustedProxyHops = 0 }: PrecedingValues) => (trustedProxyHops > 0 ? 0 : 1_000),
  },
  allowInsecureStores: withDefault(
    'ALLOW_INSECURE_STORES',
    parse.flag,
    'false',
    'Allow a `REDIS_URL` and a `DATABASE_URL` of other hosts than loopback without TLS.',
  ),
  allowInsecureUpstreams: withDefault(
    'ALLOW_INSECURE_UPSTREAMS',
    parse.flag,
    'false',
    'Allow `http://` URLs of other hosts than loopback.',
  ),
  keepAliveSeconds: withDefault(
    'KEEP_ALIVE_SECONDS',
    parse.durationSeconds,
    '75',
    'How long an idle connection of a client stays open. Longer than the load balancer in front keeps it.',
  ),
  shutdownGraceSeconds: withDefault(
    'SHUTDOWN_GRACE_SECONDS',
    parse.durationSeconds,
    '20',
    'Time after SIGTERM in which requests in flight are answered. New ones are taken for a quarter of it.',
  ),
  retentionRejectedCallbacksDays: withDefault(
    'RETENTION_REJECTED_CALLBACKS_DAYS',
    parse.positive,
    '30',
    'How long callbacks with a wrong signature are kept. There are never more than 20,000.',
  ),
  retentionRewardedMomentsDays: withDefault(
    'RETENTION_REWARDED_MOMENTS_DAYS',
    parse.positive,
    '400',
    'How long the rewards that moments returned are kept. A callback that comes later is for an unknown reward.',
  ),
  retentionDeliveryAttemptsDays: withDefault(
    'RETENTION_DELIVERY_ATTEMPTS_DAYS',
    parse.positive,
    '90',
    'How long the attempts of ended deliveries are kept. The deliveries themselves stay.',
  ),
  retentionUsersDays: withDefault(
    'RETENTION_USERS_DAYS',
    parse.zeroOrMore,
    '0',
    'How long after their first request users are kept who went to Kiip. Later callbacks for them are for unknown users. `0` keeps them.',
  ),
  otelEndpoint: optional(
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    parse.baseUrl,
    'Where traces are sent, by OTLP over HTTP. Unset: no traces.',
  ),
  otelServiceName: optional(
    'OTEL_SERVICE_NAME',
    parse.singleLine,
    'The `service.name` of traces. Unset: that of `OTEL_RESOURCE_ATTRIBUTES`, or `rewards-gateway`.',
  ),
  otelResourceAttributes: optional(
    'OTEL_RESOURCE_ATTRIBUTES',
    parse.keyValues,
    'Attributes of all traces: `key=value` pairs, separated by commas; values may be percent-encoded.',
  ),
  otelSdkDisabled: withDefault('OTEL_SDK_DISABLED', parse.flag, 'false', '`true`: no traces.'),
  otelTracesSampler: withDefault(
    'OTEL_TRACES_SAMPLER',
    parse.oneOf(
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ),
    'parentbased_always_on',
    'Which traces are sent: `always_on`, `always_off`, `traceidratio`, or one of these with `parentbased_`.',
  ),
  otelTracesSamplerArg: optional(
    'OTEL_TRACES_SAMPLER_ARG',
    parse.ratio,
    'The share of traces that `traceidratio` sends, 0 to 1. Unset: 1.',
  ),
  role: withDefault(
    'ROLE',
    parse.oneOf('api', 'worker', 'all'),
    'all',
    '`api` serves callers and does not deliver. `worker` delivers and serves `/health` and `/metrics` only. `all` does both.',
  ),
  logLevel: withDefault(
    'LOG_LEVEL',
    parse.oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    'info',
    '`fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`.',
  ),
} satisfies Record<string, Variable<unknown>>;

type Variables = typeof VARIABLES;

/** The values of all variables, each with the type that its parser gives. */
export type ConfigValues = {
  readonly [Name in keyof Variables]: Variables[Name] extends Variable<infer T> ? T : never;
};
