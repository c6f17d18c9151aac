import { gateway } from '../api.js';
import type { Schemas } from '../api.js';
import { Id } from '../parts/id.js';
import { Page } from '../parts/page.js';
import { ProblemNote } from '../parts/problem.js';
import { Status } from '../parts/status.js';
import { Table } from '../parts/table.js';
import { Time } from '../parts/time.js';
import { href, navigate, segment, useRoute } from '../router.js';
import { useRows } from '../use-load.js';

type EntryStatus = Schemas['IssuanceStatus'];

const PAGE_SIZE = 50;
const STATUSES = [
  'recorded',
  'quarantined',
  'released',
  'discarded',
] as const satisfies readonly EntryStatus[];

/** All ledger entries, newest first. */
export function EntriesPage() {
  const asked = useRoute().query.get('status');
  const status = STATUSES.find((one) => one === asked);
  const { rows, error, retry, more, reload } = useRows(
    (after, signal) =>
      gateway().listIssuances(
        { order: 'desc', limit: PAGE_SIZE, ...(status && { status }), ...(after && { after }) },
        { signal },
      ),
    [status],
    PAGE_SIZE,
  );
  return (
    <Page
      title="Entries"
      actions={
        <button type="button" onClick={reload}>
          Reload
        </button>
      }
    >
      <div class="fields">
        <label>
          Status
          <select
            value={status ?? ''}
            onChange={(event) => navigate(href('/entries', { status: event.currentTarget.value }))}
          >
            <option value="">all</option>
            {STATUSES.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
      </div>
      <ProblemNote error={error} retry={retry} />
      {(rows !== undefined || error === undefined) && (
        <Table
          caption="Ledger entries, newest first"
          rows={rows}
          rowKey={({ id }) => id}
          columns={[
            { title: 'Received', cell: ({ received_at: at }) => <Time at={at} /> },
            { title: 'Entry', cell: ({ id }) => <Id value={id} href={href(`/entries/${segment(id)}`)} /> },
            {
              title: 'User',
              cell: ({ user_id: user }) => <Id value={user} href={href(`/users/${segment(user)}`)} />,
            },
            {
              title: 'Quantity',
              numeric: true,
              cell: ({ quantity, name }) => (
                <>
                  {quantity ?? '–'} <bdi>{name}</bdi>
                </>
              ),
            },
            { title: 'Status', cell: ({ status: value }) => <Status value={value} /> },
          ]}
          empty="There are no such entries. They come with the callbacks of Kiip."
          more={more}
        />
      )}
    </Page>
  );
}
