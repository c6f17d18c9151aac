import { gateway } from '../api.js';
import { href, segment } from '../router.js';
import { can } from '../session.js';
import { useRows } from '../use-load.js';
import { Id } from '../parts/id.js';
import { Panel } from '../parts/panel.js';
import { ProblemNote } from '../parts/problem.js';
import { Table } from '../parts/table.js';
import { Time } from '../parts/time.js';

const PAGE_SIZE = 20;

/** Who did what, newest first. */
export function AuditLog() {
  const { rows, error, retry, more } = useRows(
    (after, signal) => {
      const page = { order: 'desc', limit: PAGE_SIZE, after } as const;
      return gateway().listAuditEntries(page, { signal });
    },
    [],
    PAGE_SIZE,
  );
  return (
    <Panel title="Audit log, newest first">
      <ProblemNote error={error} retry={retry} />
      {(rows !== undefined || error === undefined) && (
        <Table
          caption="Audit log"
          columns={[
            { title: 'Time', cell: ({ at }) => <Time at={at} /> },
            { title: 'Caller', cell: ({ caller }) => <bdi>{caller ?? '–'}</bdi> },
            { title: 'Action', cell: ({ action }) => action },
            { title: 'Of', cell: ({ subject }) => <Subject id={subject} /> },
            { title: 'Reason', cell: ({ reason }) => <bdi>{reason ?? '–'}</bdi> },
          ]}
          rows={rows}
          rowKey={({ id }) => id}
          empty="Nobody has decided, retried, replayed, paused or erased anything so far."
          more={more}
        />
      )}
    </Panel>
  );
}

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/** Leads to the page of an entry, a delivery or a replay, where the credential may see it. */
function Subject({ id }: { readonly id: string }) {
  const section = sectionOf(id);
  return section === undefined ? (
    <Id value={id} />
  ) : (
    <Id value={id} href={href(`/${section}/${segment(id)}`)} />
  );
}

function sectionOf(id: string): string | undefined {
  if (id.startsWith('iss_')) return 'entries';
  if (!can('deliveries:manage')) return undefined;
  if (id.startsWith('dlv_')) return 'deliveries';
  return UUID.test(id) ? 'replays' : undefined;
}
