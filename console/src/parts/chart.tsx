import { duration, number } from '../format.js';

export interface Series {
  readonly name: string;
  /** Oldest first; null where nothing is known. */
  readonly values: readonly (number | null)[];
}

const WIDTH = 300;
const HEIGHT = 80;

/** Lines over time, and in words what they show. */
export function Chart(props: {
  readonly title: string;
  /** Behind a value, such as "/s". */
  readonly unit: string;
  readonly series: readonly Series[];
  readonly stepSeconds: number;
  /** The time of the last value. */
  readonly to: string;
  /** Where its number leads. */
  readonly href?: string;
}) {
  const { title, unit, series, stepSeconds, href } = props;
  const length = Math.max(2, ...series.map(({ values }) => values.length));
  const most = maximum(series.flatMap(({ values }) => values));
  const time = duration(length * stepSeconds);
  const summary = series
    .map(
      ({ name, values }) =>
        `${name}: now ${shown(latest(values), unit)}, at most ${shown(maximum(values), unit)}`,
    )
    .join('; ');
  return (
    <figure class="chart">
      <figcaption>{href === undefined ? title : <a href={href}>{title}</a>}</figcaption>
      <ul class="legend">
        {series.map(({ name, values }, index) => (
          <li key={name} class={`series-${index}`}>
            {series.length > 1 && <span>{name}</span>} <strong>{shown(latest(values), unit)}</strong>
          </li>
        ))}
      </ul>
      <svg
        role="img"
        aria-label={`${title}, last ${time}. ${summary}.`}
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
      >
        {series.map(({ name, values }, index) => (
          <path key={name} class={`series-${index}`} d={pathOf(values, length, most ?? 0)} />
        ))}
      </svg>
      <div class="axis" aria-hidden="true">
        <span>{time} ago</span>
        <span>{most === null ? 'no values yet' : `at most ${shown(most, unit)}`}</span>
        <span>now</span>
      </div>
    </figure>
  );
}

/** One line, with a gap where a value is missing. */
function pathOf(values: readonly (number | null)[], length: number, most: number): string {
  let isGap = true;
  return values
    .map((value, index) => {
      if (value === null) {
        isGap = true;
        return '';
      }
      const x = ((index + length - values.length) / (length - 1)) * WIDTH;
      const y = HEIGHT - 2 - (most > 0 ? value / most : 0) * (HEIGHT - 4);
      const point = `${x.toFixed(1)} ${y.toFixed(1)}`;
      // One value between gaps is a dot.
      const command = isGap ? `M${point}h0` : `L${point}`;
      isGap = false;
      return command;
    })
    .join('');
}

/** That of the last step: an older one is not how it is now. */
function latest(values: readonly (number | null)[]): number | null {
  return values.at(-1) ?? null;
}

function maximum(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length > 0 ? Math.max(...known) : null;
}

function shown(value: number | null, unit: string): string {
  return value === null ? '–' : `${number(value)}${unit}`;
}
