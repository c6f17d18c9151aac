const NUMBER = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3 });
const COUNT = new Intl.NumberFormat();

/** A measured value, rounded. */
export function number(value: number): string {
  return NUMBER.format(value);
}

/** A count, exact. */
export function count(value: number): string {
  return COUNT.format(value);
}

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
] as const;

/** "45 s", "12 min", "3 h", "9 d": the largest unit that is less than the value. */
export function duration(seconds: number): string {
  const [unit, size] = UNITS.find(([, size]) => seconds >= 2 * size) ?? ['s', 1];
  return `${count(Math.round(seconds / size))} ${unit}`;
}

/** A name inside a text that is no markup, such as a label: its direction does not change that of the text. */
export function isolated(name: string): string {
  return `\u2068${name}\u2069`;
}
