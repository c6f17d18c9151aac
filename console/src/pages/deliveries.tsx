import { gateway } from '../api.js';
import type { Schemas } from '../api.js';
import { Consumers } from './consumers.js';
import { count } from '../format.js';
import { useConsumers } from './pause.js';
import { href, navigate, segment, useRoute } from '../router.js';
import { useRows } from '../use-load.js';
import { EntryId } from '../parts/entry-id.js';
import { Id } from '../parts/id.js';
import { Page } from '../parts/page.js';
import { Panel } from '../parts/panel.js';
import { ProblemNote } from '../parts/problem.js';
import { Retry } from '../parts/retry.js';
import { Status } from '../parts/status.js';
import { Table } from '../parts/table.js';
import { Time } from '../parts/time.js';

type DeliveryStatus = Schemas['Delivery']['status'];
interface Filter {
  readonly consumer?: string | undefined;
  readonly status?: DeliveryStatus | undefined;
}

const PAGE_SIZE = 50;
const STATUSES: readonly DeliveryStatus[] = ['pending', 'delivered', 'dead'];

export function DeliveriesPage() {
  const { query } = useRoute();
  const filter = {
    consumer: query.get('consumer') ?? undefined,
    status: STATUSES.find((status) => status === query.get('status')),
  };
  return (
    <Page title="Deliveries">
      <Consumers />
      <List filter={filter} />
    </Page>
  );
}

function List({ filter }: { readonly filter: Filter }) {
  const { consumer, status } = filter;
  const { rows, error, retry, more, reload, replace } = useRows(
    (after, signal) => {
      const query = { consumer, status, order: 'desc', limit: PAGE_SIZE, after } as const;
      return gateway().listDeliveries(query, { signal });
    },
    [consumer, status],
    PAGE_SIZE,
  );
  return (
    <Panel
      title="Deliveries, newest first"
      actions={
        <button type="button" onClick={reload}>
          Reload
        </button>
      }
    >
      <Filters filter={filter} />
      <ProblemNote error={error} retry={retry} />
      {(rows !== undefined || error === undefined) && (
        <Table
          caption="Deliveries"
          columns={[
            {
              title: 'Delivery',
              cell: ({ id }) => <Id value={id} href={href(`/deliveries/${segment(id)}`)} />,
            },
            { title: 'Entry', cell: ({ issuance_id }) => <EntryId id={issuance_id} /> },
            { title: 'Consumer', cell: (row) => <bdi>{row.consumer}</bdi> },
            { title: 'Status', cell: (row) => <Status value={row.status} /> },
            { title: 'Attempts', cell: ({ attempts }) => count(attempts), numeric: true },
            { title: 'Last response', cell: (row) => responseOf(row), numeric: true },
            { title: 'Next attempt', cell: ({ next_attempt_at }) => <Time at={next_attempt_at} /> },
            { title: 'Actions', cell: (row) => <Retry delivery={row} onDone={replace} /> },
          ]}
          rows={rows}
          rowKey={({ id }) => id}
          empty="No delivery matches. Each accepted entry has one for every consumer, a second after it."
          more={more}
        />
      )}
    </Panel>
  );
}

function Filters({ filter }: { readonly filter: Filter }) {
  const { data } = useConsumers();
  const names = data?.items.map(({ name }) => name) ?? [];
  // A consumer that is no longer configured may still have deliveries.
  const known =
    filter.consumer === undefined || names.includes(filter.consumer) ? names : [filter.consumer, ...names];
  const set = (change: Record<string, string>) => navigate(href('/deliveries', { ...filter, ...change }));
  return (
    <div class="fields">
      <label>
        Consumer
        <select
          value={filter.consumer ?? ''}
          onChange={({ currentTarget }) => set({ consumer: currentTarget.value })}
        >
          <option value="">All</option>
          {known.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        Status
        <select
          value={filter.status ?? ''}
          onChange={({ currentTarget }) => set({ status: currentTarget.value })}
        >
          <option value="">All</option>
          {STATUSES.map((status) => (
            <option key={status} value={status}>
              {status}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

function responseOf({ attempts, last_status }: Schemas['Delivery']): string {
  return last_status === null ? (attempts === 0 ? '–' : 'none') : String(last_status);
}
