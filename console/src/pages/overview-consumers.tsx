import { gateway } from '../api.js';
import type { Schemas } from '../api.js';
import { count } from '../format.js';
import { Id } from '../parts/id.js';
import { Panel } from '../parts/panel.js';
import { ProblemNote } from '../parts/problem.js';
import { Table } from '../parts/table.js';
import { Age } from '../parts/time.js';
import { href } from '../router.js';
import { useLoad } from '../use-load.js';
import { ConsumerState } from './consumer-state.js';

const REFRESH_MS = 10_000;
/** Larger numbers are shown as this one. */
const MOST = 10_000;

type Row = Schemas['Consumer'] & { readonly oldest: string | undefined };

/** Who gets the events, with what waits for them. */
export function Consumers() {
  const { data, error, reload } = useLoad(loadConsumers, [], REFRESH_MS);
  return (
    <Panel title="Consumers">
      <ProblemNote error={error} retry={reload} />
      {(data !== undefined || error === undefined) && (
        <Table
          caption="Consumers"
          rows={data}
          rowKey={({ name }) => name}
          columns={[
            {
              title: 'Name',
              cell: ({ name }) => <Id value={name} href={href('/deliveries', { consumer: name })} />,
            },
            { title: 'State', cell: (consumer) => <State consumer={consumer} /> },
            { title: 'Waiting', numeric: true, cell: (row) => <Backlog {...row} status="pending" /> },
            { title: 'Oldest', numeric: true, cell: ({ oldest }) => (oldest ? <Age since={oldest} /> : '–') },
            { title: 'Dead', numeric: true, cell: (row) => <Backlog {...row} status="dead" /> },
          ]}
          empty="Nobody gets the events yet: configure DELIVERY_CONSUMERS."
        />
      )}
    </Panel>
  );
}

async function loadConsumers(signal: AbortSignal): Promise<Row[]> {
  const { items } = await gateway().listConsumers({}, { signal });
  return Promise.all(
    items.map(async (consumer) => ({
      ...consumer,
      oldest: consumer.pending > 0 ? await oldestOf(consumer, signal) : undefined,
    })),
  );
}

/** When the entry was accepted that waits longest. */
async function oldestOf({ name }: Schemas['Consumer'], signal: AbortSignal): Promise<string | undefined> {
  const { items } = await gateway().listDeliveries(
    { consumer: name, status: 'pending', limit: 1 },
    { signal },
  );
  const [first] = items;
  return first && (await gateway().getDelivery({ id: first.id }, { signal })).accepted_at;
}

function State({ consumer }: { readonly consumer: Row }) {
  const { paused } = consumer;
  return (
    <>
      <ConsumerState consumer={consumer} />{' '}
      {paused && (paused.cause === 'gone' ? 'it answered 410' : <bdi>{paused.reason}</bdi>)}
    </>
  );
}

function Backlog({ status, ...row }: Row & { readonly status: 'pending' | 'dead' }) {
  const value = row[status];
  return (
    <a href={href('/deliveries', { consumer: row.name, status })}>
      {value === MOST ? `${count(MOST)} or more` : count(value)}
    </a>
  );
}
