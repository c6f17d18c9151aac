import { gateway } from '../api.js';
import { Loading } from '../parts/loading.js';
import { Panel } from '../parts/panel.js';
import { ProblemNote } from '../parts/problem.js';
import { Age } from '../parts/time.js';
import { href } from '../router.js';
import { useLoad } from '../use-load.js';

const REFRESH_MS = 10_000;
const LIMIT = 100;

/** What waits for a decision. */
export function QuarantineTile() {
  const { data, error, reload } = useLoad(
    (signal) => gateway().listIssuances({ status: 'quarantined', limit: LIMIT }, { signal }),
    [],
    REFRESH_MS,
  );
  const [oldest] = data?.items ?? [];
  return (
    <Panel title="Quarantine">
      <ProblemNote error={error} retry={reload} />
      {data === undefined && error === undefined && <Loading lines={2} />}
      {data && (
        <>
          <p class="figure">
            <a href={href('/quarantine')}>
              {data.items.length === LIMIT ? `${LIMIT} or more` : data.items.length}
            </a>
          </p>
          <p class="hint">
            {oldest === undefined ? (
              'Nothing waits for a decision.'
            ) : (
              <>
                {data.items.length === 1
                  ? 'entry waits for a decision, for'
                  : 'entries wait for a decision, the oldest for'}{' '}
                <Age since={oldest.received_at} />
              </>
            )}
          </p>
        </>
      )}
    </Panel>
  );
}
