import { gateway } from '../api.js';
import { count } from '../format.js';
import { NewReplay } from './new-replay.js';
import { href, segment, useRoute } from '../router.js';
import { useLoad, useRows } from '../use-load.js';
import { Page } from '../parts/page.js';
import { Panel } from '../parts/panel.js';
import { ProblemNote } from '../parts/problem.js';
import { Status } from '../parts/status.js';
import { Table } from '../parts/table.js';
import { Time } from '../parts/time.js';

const POLL_MS = 3_000;

export function ReplaysPage() {
  const { path } = useRoute();
  if (path[1] === 'new') return <NewReplay />;
  return (
    <Page
      title="Replays"
      actions={
        <a class="button" href={href('/replays/new')}>
          New replay
        </a>
      }
    >
      <List />
    </Page>
  );
}

function List() {
  const { rows, error, retry, more, reload, replace } = useRows(
    (after, signal) => gateway().listReplays({ limit: 50, after }, { signal }),
    [],
  );
  useLoad(
    async (signal) => {
      const running = rows?.filter(({ status }) => status === 'running') ?? [];
      for (const { id } of running) replace(await gateway().getReplay({ id }, { signal }));
    },
    [],
    POLL_MS,
  );
  return (
    <Panel
      title="Replays, newest first"
      actions={
        <button type="button" onClick={reload}>
          Reload
        </button>
      }
    >
      <ProblemNote error={error} retry={retry} />
      {(rows !== undefined || error === undefined) && (
        <Table
          caption="Replays"
          columns={[
            {
              title: 'Started',
              cell: ({ id, created_at }) => (
                <a href={href(`/replays/${segment(id)}`)}>
                  <Time at={created_at} />
                </a>
              ),
            },
            { title: 'Consumer', cell: ({ consumer }) => <bdi>{consumer}</bdi> },
            { title: 'Entries from', cell: ({ from }) => <Time at={from} /> },
            { title: 'Entries before', cell: ({ to }) => <Time at={to} /> },
            { title: 'Status', cell: ({ status }) => <Status value={status} /> },
            {
              title: 'Due',
              cell: (replay) => `${count(replay.done)} of ${count(replay.count)}`,
              numeric: true,
            },
            { title: 'Caller', cell: ({ requested_by }) => <bdi>{requested_by ?? '–'}</bdi> },
          ]}
          rows={rows}
          rowKey={({ id }) => id}
          empty="No replay so far. A replay sends the accepted entries of a time window to one consumer again."
          more={more}
        />
      )}
    </Panel>
  );
}
