import { useEffect, useState } from 'preact/hooks';
import { gateway } from '../api.js';
import type { Schemas } from '../api.js';
import { count } from '../format.js';
import { EntryStatus } from '../parts/entry-status.js';
import { Id } from '../parts/id.js';
import { Panel } from '../parts/panel.js';
import { ProblemNote } from '../parts/problem.js';
import { Status } from '../parts/status.js';
import { Table } from '../parts/table.js';
import { Time } from '../parts/time.js';
import { href, segment } from '../router.js';
import { can } from '../session.js';
import { useLoad, useRows } from '../use-load.js';
import type { Loaded } from '../use-load.js';

const PAGE_SIZE = 25;
const POLL_MS = 5_000;

/** The entries of the user, newest first. */
export function UserEntries({ userId }: { readonly userId: string }) {
  const { rows, error, retry, more, reload } = useRows(
    async (after, signal) => {
      const input = { user_id: userId, order: 'desc', limit: PAGE_SIZE } as const;
      const page = await gateway().listIssuances(
        { ...input, ...(after !== undefined && { after }) },
        { signal },
      );
      // A feed always goes on, with what comes later. Here it ends with the oldest entry.
      return page.items.length < PAGE_SIZE ? { items: page.items } : page;
    },
    [userId],
  );
  const newest = useNewest(userId);
  /** The newest entry when the first page was loaded. */
  const [shown, setShown] = useState(newest);
  const hasPaged = rows !== undefined && rows.length > PAGE_SIZE;
  const refresh = () => {
    setShown(newest);
    reload();
  };
  useEffect(() => {
    // Who has paged keeps the place.
    if (shown !== undefined && shown !== newest && !hasPaged) refresh();
    if (shown === undefined) setShown(newest);
  }, [newest]);
  return (
    <Panel
      title="Entries"
      actions={
        hasPaged &&
        shown !== newest && (
          <button type="button" onClick={refresh}>
            Show newer entries
          </button>
        )
      }
    >
      <ProblemNote error={error} retry={retry} />
      {(rows || error === undefined) && (
        <Table
          caption="Entries, newest first"
          rows={rows}
          rowKey={({ id }) => id}
          more={more}
          columns={[
            {
              title: 'Entry',
              cell: ({ id, kind, received_at }) => (
                <>
                  <Id value={id} href={href(`/entries/${segment(id)}`)} />
                  <div class="hint user-time">
                    {kind}, <Time at={received_at} />
                  </div>
                </>
              ),
            },
            { title: 'Coins', numeric: true, cell: Coins },
            { title: 'Status', cell: (entry) => <EntryStatus entry={entry} /> },
            { title: 'Deliveries', cell: ({ id, status }) => <Deliveries key={status} id={id} /> },
          ]}
          empty="Kiip has sent no callback for this user."
        />
      )}
    </Panel>
  );
}

/** Changes when there is a new entry, or when one has been decided. */
function useNewest(userId: string): string | undefined {
  return useLoad(
    async (signal) => {
      const input = { user_id: userId, order: 'desc', limit: 1 } as const;
      const { items } = await gateway().listIssuances(input, { signal });
      return items.map(({ id, status }) => `${id} ${status}`).join('');
    },
    [userId],
    POLL_MS,
  ).data;
}

function Coins({ quantity, name }: Schemas['Issuance']) {
  return (
    <>
      {quantity === null ? '?' : count(quantity)} <bdi>{name}</bdi>
    </>
  );
}

/** One for each consumer. They are not in the list of entries, so each row asks for its own. */
function Deliveries({ id }: { readonly id: string }) {
  const loaded: Loaded<Schemas['IssuanceHistory']> = useLoad(
    // One without a pending delivery is not asked for again.
    async (signal) =>
      loaded.data && !loaded.data.deliveries.some(({ status }) => status === 'pending')
        ? loaded.data
        : gateway().getIssuance({ id }, { signal }),
    [id],
    POLL_MS,
  );
  const deliveries = loaded.data?.deliveries ?? [];
  if (loaded.error !== undefined) return <span class="muted">not available</span>;
  if (!loaded.data) return <>…</>;
  if (deliveries.length === 0) return <span class="muted">none</span>;
  return (
    <ul class="user-deliveries">
      {deliveries.map((delivery) => (
        <li key={delivery.id}>
          <Status value={delivery.status} />{' '}
          <Id
            value={delivery.consumer}
            {...(can('deliveries:manage') && { href: href(`/deliveries/${segment(delivery.id)}`) })}
          />
        </li>
      ))}
    </ul>
  );
}
