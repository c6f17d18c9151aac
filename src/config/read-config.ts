import { readFileSync } from 'node:fs';
import { Config } from './config.js';
import { misspeltVariables } from './misspelt-variables.js';
import { InvalidValueError, haveSharedTexts, isLoopback } from './parsers.js';
import { decodeUtf8 } from './utf8.js';
import { VARIABLES } from './variables.js';
import { hasLocalVendors, weakSecrets } from './weak-secrets.js';
import type { ConfigValues, Variable } from './variables.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The exit code of an invalid configuration: EX_CONFIG of sysexits.h. */
export const EXIT_CONFIG = 78;

/** The configuration is invalid. The message has a line for every invalid variable, and no value. */
export class ConfigError extends Error {
  constructor(readonly errors: readonly string[]) {
    super(`Invalid configuration:\n${errors.map((error) => `  ${error}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/**
 * Reads and validates every variable of the environment.
 * @throws ConfigError that names all invalid variables at once
 */
export function readConfig(env: Environment): Config {
  const errors = new Map<string, string>();
  const values: Record<string, unknown> = {};
  const files: Record<string, string | undefined> = {};
  for (const [name, variable] of Object.entries<Variable<unknown>>(VARIABLES)) {
    try {
      values[name] = readVariable(variable, env) ?? variable.defaultFrom?.(values);
      if (variable.secret) files[name] = readNonBlank(`${variable.env}_FILE`, env);
    } catch (error) {
      if (!(error instanceof InvalidValueError)) throw error;
      errors.set(variable.env, error.message);
    }
  }
  for (const [env, message] of validateTogether(values)) if (!errors.has(env)) errors.set(env, message);
  for (const { name, meant, dangerous } of misspeltVariables(env))
    if (dangerous || errors.get(meant?.replace(/_FILE$/, '') ?? '')?.startsWith('is required'))
      errors.set(name, `is not a variable of this service: ${meant} is, and is not set`);
  if (errors.size > 0) throw new ConfigError([...errors].map(([env, message]) => `${env} ${message}`));
  return new Config(values as unknown as ConfigValues, files);
}

/**
 * Reads the file of a secret again, with the same rules as at start.
 * @throws InvalidValueError
 */
export function reloadSecret(config: Config, name: keyof ConfigValues): unknown {
  const { env }: Variable<unknown> = VARIABLES[name];
  const value = parseValue(VARIABLES[name], readSecretFile(env, config.secretFiles[name]!));
  for (const [invalid, message] of validateTogether({ ...(config as ConfigValues), [name]: value }))
    if (invalid === env) throw new InvalidValueError(message);
  return value;
}

function readVariable(variable: Variable<unknown>, env: Environment): unknown {
  const value =
    (variable.secret ? readSecret(variable.env, env) : readNonBlank(variable.env, env)) ??
    (variable.alias === undefined ? undefined : readNonBlank(variable.alias, env)) ??
    variable.default ??
    (env['ROLE'] === 'worker' ? variable.unusedByWorker : undefined);
  if (value !== undefined) return parseValue(variable, value);
  if (variable.required) throw new InvalidValueError('is required');
  return undefined;
}

function parseValue({ secret, parse }: Variable<unknown>, value: string): unknown {
  // Node.js decodes the environment with replacement.
  if (value.includes('\u{FFFD}')) throw new InvalidValueError('is not valid UTF-8');
  // Text in UTF-16 without a byte order mark is UTF-8 with zero bytes. Lists and JSON may have several lines.
  if (secret && /[^\P{Cc}\t\n\r]/u.test(value))
    throw new InvalidValueError('must not contain control characters');
  return parse(value);
}

/** Treats a blank variable as unset: templates often render an unset variable as an empty string. */
function readNonBlank(name: string, env: Environment): string | undefined {
  return env[name]?.trim() === '' ? undefined : env[name];
}

function readSecret(name: string, env: Environment): string | undefined {
  const value = readNonBlank(name, env);
  const file = readNonBlank(`${name}_FILE`, env);
  if (file === undefined) return value;
  if (value !== undefined) throw new InvalidValueError(`must not be set together with ${name}_FILE`);
  return readSecretFile(name, file);
}

function readSecretFile(name: string, file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    throw new InvalidValueError(`cannot be read: ${name}_FILE must name a readable file`);
  }
  let content: string;
  try {
    content = decodeUtf8(bytes).replace(/\r?\n$/, '');
  } catch {
    throw new InvalidValueError(`is not UTF-8: ${name}_FILE names a file in another encoding`);
  }
  if (content.trim() === '') throw new InvalidValueError(`is empty: ${name}_FILE names an empty file`);
  return content;
}

/** Rules about more than one variable: the variable to correct, and how. */
function* validateTogether(values: Partial<ConfigValues>): Iterable<[env: string, message: string]> {
  const ports = {
    PORT: values.port,
    CALLBACK_PORT: values.callbackPort,
    MANAGEMENT_PORT: values.managementPort,
  };
  for (const [name, port] of Object.entries(ports)) {
    const other = Object.entries(ports).find(([, taken]) => taken === port)![0];
    if (port && other !== name) yield [name, `must differ from ${other}`];
  }
  yield* weakSecrets(values);
  if (values.consoleSandbox && !hasLocalVendors(values))
    yield ['CONSOLE_SANDBOX', 'is for the sandbox alone: unset it, since a vendor is not on loopback'];
  if (!values.allowInsecureUpstreams) {
    const upstreams: Record<string, (string | undefined)[]> = {
      KIGO_BASE_URL: [values.kigoBaseUrl],
      KIIP_BASE_URL: [values.kiipBaseUrl],
      JWT_JWKS_URL: [values.jwtJwksUrl],
      DELIVERY_CONSUMERS:
        values.deliveryConsumers?.filter((consumer) => !consumer.allow_insecure).map(({ url }) => url) ?? [],
    };
    for (const [name, urls] of Object.entries(upstreams))
      if (urls.some((url) => url !== undefined && isInsecure(url))) yield [name, INSECURE_URL];
  }
  if (!values.allowInsecureStores) {
    // Behind Sentinels, the host of REDIS_URL is a name: the server may be anywhere.
    if (
      values.redisUrl &&
      (isPlainRedis(values.redisUrl) || (values.redisSentinels && !isTls(values.redisUrl)))
    )
      yield ['REDIS_URL', `must use rediss:// ${INSECURE_STORE}`];
    if (values.redisSentinels?.some(isPlainRedis))
      yield ['REDIS_SENTINELS', `must use rediss:// ${INSECURE_STORE}`];
    if (values.databaseUrl !== undefined && isPlainPostgres(values.databaseUrl))
      yield ['DATABASE_URL', `must have sslmode=verify-full or another that encrypts ${INSECURE_STORE}`];
  }
  if (values.redisSentinels && values.redisUrl === undefined)
    yield ['REDIS_URL', 'is required with REDIS_SENTINELS: its host is the name of the master'];
  if (values.kiipCurrencies && haveSharedTexts(values.kiipCurrencies, values.kiipLegacySignature === true))
    yield [
      'KIIP_CURRENCIES',
      'has currencies that signed texts cannot tell apart: their names or contents differ only by digits at the end',
    ];
  if (values.role !== 'all' && values.role !== undefined && !values.databaseUrl)
    yield ['DATABASE_URL', 'is required unless ROLE is all: only one process can use the embedded database'];
  if (values.role === 'worker' && !values.deliveryConsumers?.length)
    yield ['DELIVERY_CONSUMERS', 'is required when ROLE is worker'];
  // It serves no callers.
  if (values.role === 'worker') return;
  if (values.callerAuth === 'api-key' && !values.apiKeys)
    yield ['API_KEYS', 'is required when CALLER_AUTH is api-key (CALLER_AUTH=none lets everybody call)'];
  if (values.callerAuth === 'none' && values.callerScopes)
    yield ['CALLER_SCOPES', 'must not be set when CALLER_AUTH is none: callers have no name'];
  if (values.callerAuth === 'jwt') {
    const needed = {
      JWT_ISSUER: values.jwtIssuer,
      JWT_AUDIENCE: values.jwtAudience,
      JWT_JWKS_URL: values.jwtJwksUrl,
      // An issuer knows many more callers than this gateway has.
      CALLER_SCOPES: values.callerScopes,
    };
    for (const [name, value] of Object.entries(needed))
      if (value === undefined) yield [name, 'is required when CALLER_AUTH is jwt'];
  }
}

const INSECURE_URL =
  'must use https:// (plain http:// is only for loopback, or with ALLOW_INSECURE_UPSTREAMS=true)';

const INSECURE_STORE = '(plain text is only for loopback, or with ALLOW_INSECURE_STORES=true)';

function isTls(href: string): boolean {
  return new URL(href).protocol === 'rediss:';
}

function isPlainRedis(href: string): boolean {
  return !isTls(href) && !isLoopback(new URL(href).hostname);
}

/** As the driver reads it: without `sslmode`, and with one that allows it, nothing is encrypted. */
function isPlainPostgres(href: string): boolean {
  const { hostname, searchParams } = new URL(href);
  const host = searchParams.get('host') ?? hostname;
  // Without a host, and with a path, it is a socket of this machine.
  if (host === '' || host.startsWith('/') || isLoopback(host)) return false;
  const encrypts = ['require', 'verify-ca', 'verify-full', 'no-verify'];
  return (
    !encrypts.includes(searchParams.get('sslmode') ?? '') &&
    !['true', '1'].includes(searchParams.get('ssl') ?? '')
  );
}

function isInsecure(href: string): boolean {
  const { protocol, hostname } = new URL(href);
  return protocol === 'http:' && !isLoopback(hostname);
}
