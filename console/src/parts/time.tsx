import { duration } from '../format.js';

const LOCAL = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** In the zone of the viewer; UTC on hover. */
export function Time({ at }: { readonly at: string | null | undefined }) {
  const date = at ? new Date(at) : undefined;
  if (!date || Number.isNaN(date.getTime())) return <>–</>;
  const utc = date.toISOString();
  return (
    <time dateTime={utc} title={utc.replace('T', ' ').replace('Z', ' UTC')}>
      {LOCAL.format(date)}
    </time>
  );
}

/** How long something has been so: of `seconds`, or since a time. */
export function Age(props: { readonly seconds: number | null | undefined } | { readonly since: string }) {
  if ('since' in props) {
    const seconds = (Date.now() - Date.parse(props.since)) / 1_000;
    return (
      <time dateTime={props.since} title={props.since}>
        {duration(Math.max(0, seconds))}
      </time>
    );
  }
  return <>{typeof props.seconds === 'number' ? duration(props.seconds) : '–'}</>;
}
