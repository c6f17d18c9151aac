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

/** The names of the variables that have something. */
export const envs = (has: (variable: Variable<unknown>) => unknown) =>
  table
    .map(([, variable]) => variable)
    .filter(has)
    .map(({ env }) => env);

/** Reads an environment that is good but for what is given. */
export const read = (env: Environment = {}): Config => readConfig({ ...baseEnvironment, ...env });

/** What a variable with this text becomes. */
export function valueOf(env: string, text: string): unknown {
  const [name] = table.find(([, variable]) => variable.env === env)!;
  return read({ [env]: text })[name];
}

/** The sentences about what is wrong, each begins with a variable's name. */
export function faultsOf(env: Environment): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

/** The same for an environment that is good but for what is given. */
export const faults = (env: Environment) => faultsOf({ ...baseEnvironment, ...env });

/** A consumer that is accepted. */
export const consumer = {
  name: 'wallet',
  url: 'https://wallet.example/hooks?tenant=1',
  secrets: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
  events: ['kiip.currency.issued'],
};

/** DELIVERY_CONSUMERS with as many of it, each changed. */
export const consumers = (...changes: object[]) =>
  JSON.stringify(changes.map((change) => ({ ...consumer, ...change })));
