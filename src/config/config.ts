import { SECRET_SUMMARIES } from './secret-summaries.js';
import { VARIABLES } from './variables.js';
import type { ConfigValues, Variable } from './variables.js';

// The constructor of Config assigns the values, which the compiler cannot see.
const Values = Object as unknown as new () => ConfigValues;

/** The configuration: read once at start, frozen, injected by this class. Durations have their unit in the name. */
export class Config extends Values {
  /** @param secretFiles the path of every secret that was given as a file */
  constructor(
    values: ConfigValues,
    readonly secretFiles: Readonly<Partial<Record<keyof ConfigValues, string>>> = {},
  ) {
    super();
    Object.assign(this, values);
    Object.freeze(this);
  }

  /** Every variable with its effective value, one `NAME=value` per line; secrets are masked, with a summary of some. */
  describe(): string {
    return Object.entries<Variable<unknown>>(VARIABLES)
      .map(([name, variable]) => {
        const value = this[name as keyof ConfigValues];
        if (value === undefined) return `${variable.env} (unset)`;
        return `${variable.env}=${variable.secret ? this.mask(name as keyof ConfigValues) : format(value)}`;
      })
      .join('\n');
  }

  private mask(name: keyof ConfigValues): string {
    const summarize = SECRET_SUMMARIES[name] as ((value: unknown, all: ConfigValues) => string) | undefined;
    return summarize === undefined ? '********' : `******** (${summarize(this[name], this)})`;
  }
}

function format(value: unknown): string {
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
