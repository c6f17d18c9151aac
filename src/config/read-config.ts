import { readFileSync } from 'node:fs';
import { Config } from './config.js';
import { isLoopback } from './loopback.js';
import { InvalidValueError } from './parsers.js';
import { VARIABLES } from './variables.js';
import type { ConfigValues, Variable } from './variables.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The exit code of a configuration that cannot be used: EX_CONFIG of sysexits.h. */
export const EXIT_CONFIG = 78;

/** The configuration cannot be used; the message has a line for every bad variable, and no value. */
export class ConfigError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(`The configuration cannot be used:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/**
 * Reads and checks every variable of the environment.
 * @throws ConfigError that names all bad variables at once
 */
export function readConfig(env: Environment): Config {
  const faults = new Map<string, string>();
  const values: Record<string, unknown> = {};
  const files: Record<string, string | undefined> = {};
  for (const [name, variable] of Object.entries<Variable<unknown>>(VARIABLES)) {
    try {
      values[name] = readVariable(variable, env) ?? variable.defaultFrom?.(values);
      if (variable.secret) files[name] = readNonBlank(`${variable.env}_FILE`, env);
    } catch (error) {
      if (!(error instanceof InvalidValueError)) throw error;
      faults.set(variable.env, error.message);
    }
  }
  for (const [name, fault] of validateTogether(values)) if (!faults.has(name)) faults.set(name, fault);
  if (faults.size > 0) throw new ConfigError([...faults].map(([name, fault]) => `${name} ${fault}`));
  return new Config(values as unknown as ConfigValues, files);
}

/**
 * Reads the file of a secret again.
 * @throws BadValue, as at the start
 */
export function reloadSecret(config: Config, name: keyof ConfigValues): unknown {
  const { env, parse }: Variable<unknown> = VARIABLES[name];
  const value = parse(readSecretFile(env, config.secretFiles[name]!));
  for (const [faulty, fault] of validateTogether({ ...(config as ConfigValues), [name]: value }))
    if (faulty === env) throw new InvalidValueError(fault);
  return value;
}

function readVariable(variable: Variable<unknown>, env: Environment): unknown {
  const text =
    (variable.secret ? readSecret(variable.env, env) : readNonBlank(variable.env, env)) ?? variable.default;
  if (text !== undefined) return variable.parse(text);
  if (variable.required) throw new InvalidValueError('is required');
  return undefined;
}

/** Templates often render an unset variable as an empty one. */
function readNonBlank(name: string, env: Environment): string | undefined {
  return env[name]?.trim() === '' ? undefined : env[name];
}

function readSecret(name: string, env: Environment): string | undefined {
  const value = readNonBlank(name, env);
  const file = readNonBlank(`${name}_FILE`, env);
  if (file === undefined) return value;
  if (value !== undefined) throw new InvalidValueError(`must not be given together with ${name}_FILE`);
  return readSecretFile(name, file);
}

function readSecretFile(name: string, file: string): string {
  let content: string;
  try {
    content = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch {
    throw new InvalidValueError(`cannot be read: ${name}_FILE must name a readable file`);
  }
  if (content.trim() === '') throw new InvalidValueError(`is empty: ${name}_FILE names an empty file`);
  return content;
}

/** Rules that more than one variable takes part in: the variable to put right, and how. */
function* validateTogether(values: Partial<ConfigValues>): Iterable<[name: string, fault: string]> {
  if (!values.allowInsecureUpstreams) {
    const upstreams: Record<string, (string | undefined)[]> = {
      KIGO_BASE_URL: [values.kigoBaseUrl],
      KIIP_BASE_URL: [values.kiipBaseUrl],
      JWT_JWKS_URL: [values.jwtJwksUrl],
      DELIVERY_CONSUMERS: values.deliveryConsumers?.map(({ url }) => url) ?? [],
    };
    for (const [name, urls] of Object.entries(upstreams))
      if (urls.some((url) => url !== undefined && isInsecure(url))) yield [name, INSECURE_URL];
  }
  if (values.role !== 'all' && values.role !== undefined && !values.databaseUrl)
    yield [
      'DATABASE_URL',
      'is required unless ROLE is all: one process alone can have the embedded database',
    ];
  if (values.role === 'worker' && !values.deliveryConsumers?.length)
    yield ['DELIVERY_CONSUMERS', 'is required while ROLE is worker'];
  if (values.callerAuth === 'api-key' && !values.apiKeys)
    yield ['API_KEYS', 'is required while CALLER_AUTH is api-key (CALLER_AUTH=none lets everybody in)'];
  if (values.callerAuth === 'none' && values.callerScopes)
    yield ['CALLER_SCOPES', 'must not be given while CALLER_AUTH is none: callers have no name'];
  if (values.callerAuth === 'jwt') {
    const needed = {
      JWT_ISSUER: values.jwtIssuer,
      JWT_AUDIENCE: values.jwtAudience,
      JWT_JWKS_URL: values.jwtJwksUrl,
    };
    for (const [name, value] of Object.entries(needed))
      if (value === undefined) yield [name, 'is required while CALLER_AUTH is jwt'];
  }
}

const INSECURE_URL =
  'must use https:// (plain http:// only for loopback, or with ALLOW_INSECURE_UPSTREAMS=true)';

function isInsecure(href: string): boolean {
  const { protocol, hostname } = new URL(href);
  return protocol === 'http:' && !isLoopback(hostname);
}
