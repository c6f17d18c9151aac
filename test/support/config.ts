import { ConfigError, readConfig } from '../../src/config/read-config.js';
import type { Config } from '../../src/config/config.js';
import type { Environment } from '../../src/config/read-config.js';
import { VARIABLES } from '../../src/config/variables.js';
import type { ConfigValues, Variable } from '../../src/config/variables.js';
import { baseEnvironment } from './gateway.js';

/** Every variable, by its name in the Config. */
export const table = Object.entries<Variable<unknown>>(VARIABLES) as [
  keyof ConfigValues,
  Variable<unknown>,
][];

/** The names of the variables for which this holds. */
export const envs = (has: (variable: Variable<unknown>) => unknown) =>
  table
    .map(([, variable]) => variable)
    .filter(has)
    .map(({ env }) => env);

/** Whatever a test changes, nothing else makes it invalid: secrets are long, and vendors are on loopback. */
const validEnvironment: Environment = {
  ...baseEnvironment,
  KIGO_API_KEY: 'test-kigo-api-key-0001',
  CALLER_SCOPES: undefined,
};

/** With what REDIS_SENTINELS needs beside it. */
function withChanges(env: Environment): Environment {
  const behindSentinels = 'REDIS_SENTINELS' in env || 'REDIS_SENTINELS_FILE' in env;
  return { ...validEnvironment, ...(behindSentinels && { REDIS_URL: 'rediss://mymaster' }), ...env };
}

/** Reads a valid environment with these changes. */
export const read = (env: Environment = {}): Config => readConfig(withChanges(env));

/** The value that a variable with this string gets. */
export function valueOf(env: string, text: string): unknown {
  const [name] = table.find(([, variable]) => variable.env === env)!;
  return read({ [env]: text })[name];
}

/** The messages of an invalid environment; each begins with the name of a variable. */
export function configErrorsOf(env: Environment): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.errors;
    throw error;
  }
  return [];
}

/** The same for a valid environment with these changes. */
export const configErrors = (env: Environment) => configErrorsOf(withChanges(env));

/** A valid consumer. */
export const consumer = {
  name: 'wallet',
  url: 'https://wallet.example/hooks?tenant=1',
  secrets: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
  events: ['kiip.currency.issued'],
};

/** DELIVERY_CONSUMERS with a valid consumer for each of these changes. */
export const consumers = (...changes: object[]) =>
  JSON.stringify(changes.map((change) => ({ ...consumer, ...change })));
