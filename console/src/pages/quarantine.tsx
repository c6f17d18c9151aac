import { useState } from 'preact/hooks';
import { AuditLog } from './audit-log.js';
import { gateway } from '../api.js';
import type { Schemas } from '../api.js';
import { DecideButton, labelOf } from './decide-button.js';
import { Result, Summary } from './decision-results.js';
import { explainReason } from '../quarantine-reasons.js';
import { QuarantinedEntry } from './quarantined-entry.js';
import { segment, href } from '../router.js';
import { can } from '../session.js';
import { isUndecided, useDecisions } from '../use-decisions.js';
import type { Decision } from '../use-decisions.js';
import { useRows } from '../use-load.js';
import { count } from '../format.js';
import { Id } from '../parts/id.js';
import { Page } from '../parts/page.js';
import { Panel } from '../parts/panel.js';
import { ProblemNote } from '../parts/problem.js';
import { Table, toggled } from '../parts/table.js';
import { Time } from '../parts/time.js';
import './quarantine.css';

type Entry = Schemas['Issuance'];

const PAGE_SIZE = 50;

/** The entries that wait for a decision, newest first. Those that are decided stay until the list is loaded again. */
export function QuarantinePage() {
  const list = useRows(
    (after, signal) => {
      const query = { status: 'quarantined', order: 'desc', limit: PAGE_SIZE, after } as const;
      return gateway().listIssuances(query, { signal });
    },
    [],
    PAGE_SIZE,
  );
  const { results, decide } = useDecisions();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const [batches, setBatches] = useState(0);

  const isOpen = ({ id }: Entry) => isUndecided(results.get(id));
  const chosen = (list.rows ?? []).filter((entry) => isOpen(entry) && selected.has(entry.id));
  const decideAll = async (entries: readonly Entry[], decision: Decision, reason: string | undefined) => {
    setSelected(new Set());
    await decide(
      entries.map(({ id }) => id),
      decision,
      reason,
    );
    setBatches((before) => before + 1);
  };
  const reload = () => {
    setSelected(new Set());
    list.reload();
  };
  const toggle = ({ id }: Entry) => setOpened((before) => toggled(before, id));

  return (
    <Page title="Quarantine">
      <Panel
        title="Waiting for a decision, newest first"
        actions={
          <>
            {can('ledger:decide') && (
              <>
                <DecideButton entries={chosen} decision="release" onDecide={decideAll} />
                <DecideButton entries={chosen} decision="discard" onDecide={decideAll} />
              </>
            )}
            <button type="button" onClick={reload}>
              Reload
            </button>
          </>
        }
      >
        <p class="hint">
          These callbacks are signed correctly, but break a rule. Nobody is credited before a decision, and a
          decision is final.
        </p>
        <Summary results={results} />
        <ProblemNote error={list.error} retry={list.retry} />
        {(list.rows !== undefined || list.error === undefined) && (
          <Table
            caption="Quarantined entries"
            columns={[
              { title: 'Received', cell: ({ received_at }) => <Time at={received_at} /> },
              {
                title: 'User',
                cell: ({ user_id }) => <Id value={user_id} href={href(`/users/${segment(user_id)}`)} />,
              },
              { title: 'Quantity', cell: (entry) => <Quantity entry={entry} />, numeric: true },
              {
                title: 'Reason',
                cell: ({ id, reason }) => (
                  <>
                    {explainReason(reason ?? '').title}
                    <Result result={results.get(id)} />
                  </>
                ),
              },
              {
                title: 'Details',
                cell: (entry) => (
                  <button
                    type="button"
                    aria-expanded={opened.has(entry.id)}
                    aria-label={`Review ${labelOf(entry)}`}
                    onClick={() => toggle(entry)}
                  >
                    Review
                  </button>
                ),
              },
            ]}
            rows={list.rows}
            rowKey={({ id }) => id}
            empty="Nothing waits for a decision. Callbacks that break a rule appear here."
            more={list.more}
            select={
              can('ledger:decide')
                ? {
                    selected,
                    onChange: setSelected,
                    label: (entry) => `Select ${labelOf(entry)}`,
                    isSelectable: isOpen,
                  }
                : undefined
            }
            detail={(entry) =>
              opened.has(entry.id) ? (
                <QuarantinedEntry
                  entry={entry}
                  actions={
                    can('ledger:decide') &&
                    isOpen(entry) && (
                      <>
                        <DecideButton entries={[entry]} decision="release" onDecide={decideAll} />
                        <DecideButton entries={[entry]} decision="discard" onDecide={decideAll} />
                      </>
                    )
                  }
                />
              ) : undefined
            }
          />
        )}
      </Panel>
      {can('ledger:decide') && <AuditLog key={batches} />}
    </Page>
  );
}

function Quantity({ entry: { quantity, name, content } }: { readonly entry: Entry }) {
  return (
    <>
      {quantity === null ? '–' : count(quantity)} <bdi>{name ?? content}</bdi>
    </>
  );
}
