import { gateway } from '../api.js';
import { count } from '../format.js';
import { PauseNote } from './pause.js';
import { href } from '../router.js';
import { useLoad } from '../use-load.js';
import { EntryId } from '../parts/entry-id.js';
import { Facts } from '../parts/facts.js';
import { Json } from '../parts/json.js';
import { Loading } from '../parts/loading.js';
import { Page } from '../parts/page.js';
import { Panel } from '../parts/panel.js';
import { ProblemNote } from '../parts/problem.js';
import { Retry } from '../parts/retry.js';
import { Status } from '../parts/status.js';
import { Table } from '../parts/table.js';
import { Time } from '../parts/time.js';

const POLL_MS = 3_000;

/** One delivery with its attempts. */
export function DeliveryPage({ id }: { readonly id: string }) {
  const { data, error, reload } = useLoad(
    (signal) => gateway().getDelivery({ id }, { signal }),
    [id],
    POLL_MS,
  );
  return (
    <Page title={`Delivery ${id}`} actions={data && <Retry delivery={data} onDone={reload} />}>
      <ProblemNote error={error} retry={reload} />
      {data?.status === 'pending' && <PauseNote consumer={data.consumer} />}
      {(data || error === undefined) && (
        <Panel title="Delivery">
          {data ? (
            <Facts
              items={[
                ['Status', <Status value={data.status} />],
                [
                  'Consumer',
                  <a href={href('/deliveries', { consumer: data.consumer })}>
                    <bdi>{data.consumer}</bdi>
                  </a>,
                ],
                ['Entry', <EntryId id={data.issuance_id} />],
                ['Entry accepted', <Time at={data.accepted_at} />],
                ['Attempts', count(data.attempts)],
                data.status === 'pending'
                  ? ['Next attempt', <Time at={data.next_attempt_at} />]
                  : [data.status === 'dead' ? 'Dead since' : 'Delivered', <Time at={data.ended_at} />],
              ]}
            />
          ) : (
            <Loading />
          )}
        </Panel>
      )}
      {data && (
        <Panel title="Attempts, oldest first">
          <Table
            caption="Attempts"
            columns={[
              { title: 'Time', cell: ({ at }) => <Time at={at} /> },
              { title: 'Response', cell: ({ status }) => status ?? 'none', numeric: true },
              { title: 'Outcome', cell: ({ outcome }) => <bdi>{outcome}</bdi> },
              { title: 'Duration', cell: ({ duration_ms }) => `${count(duration_ms)} ms`, numeric: true },
            ]}
            rows={data.attempt_log}
            rowKey={({ at }) => at}
            empty={
              data.attempts === 0
                ? 'Not sent so far.'
                : 'The attempts of this delivery have been deleted: they are kept for some time after it has ended.'
            }
          />
          <Json value={data} />
        </Panel>
      )}
    </Page>
  );
}
