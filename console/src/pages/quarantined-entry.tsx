import type { ComponentChildren } from 'preact';
import { gateway } from '../api.js';
import type { Schemas } from '../api.js';
import { explainReason } from '../quarantine-reasons.js';
import { href, segment } from '../router.js';
import { useLoad } from '../use-load.js';
import { Loading } from '../parts/loading.js';
import { ProblemNote } from '../parts/problem.js';
import { Readings } from './readings.js';

/** What a person needs to decide about an entry. */
export function QuarantinedEntry(props: {
  readonly entry: Schemas['Issuance'];
  readonly actions: ComponentChildren;
}) {
  const { entry, actions } = props;
  const { meaning, check } = explainReason(entry.reason ?? '');
  const { data, error, reload } = useLoad(
    (signal) => gateway().getIssuance({ id: entry.id }, { signal }),
    [entry.id],
  );
  return (
    <div class="review">
      <p>
        <strong>What it means:</strong> {meaning}
      </p>
      <p>
        <strong>What to check:</strong> {check}
      </p>
      <ProblemNote error={error} retry={reload} />
      {data ? <Readings entry={data} /> : error === undefined && <Loading lines={6} />}
      <div class="actions">
        {actions}
        <a class="button" href={href(`/entries/${segment(entry.id)}`)}>
          Show the whole entry
        </a>
      </div>
    </div>
  );
}
