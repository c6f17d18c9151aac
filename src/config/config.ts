import { VARIABLES } from './variables.js';
import type { ConfigValues, Variable } from './variables.js';

/** The whole configuration: read once at start, frozen, injected by this class. Times bear their unit in the name. */
// The constructor copies every value: the compiler cannot see that the two declarations agree.
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging
export interface Config extends ConfigValues {}
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging
export class Config {
  /** @param secretFiles the path of every secret that was given as a file */
  constructor(
    values: ConfigValues,
    readonly secretFiles: Readonly<Partial<Record<keyof ConfigValues, string>>> = {},
  ) {
    Object.assign(this, values);
    Object.freeze(this);
  }

  /** Every variable as it took effect, one `NAME=value` a line; secrets are masked. */
  describe(): string {
    return Object.entries<Variable<unknown>>(VARIABLES)
      .map(([name, variable]) => {
        const value = this[name as keyof ConfigValues];
        if (value === undefined) return `${variable.env} (unset)`;
        return `${variable.env}=${variable.secret ? '********' : print(value)}`;
      })
      .join('\n');
  }
}

function print(value: unknown): string {
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
