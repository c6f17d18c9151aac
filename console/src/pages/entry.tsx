import { useState } from 'preact/hooks';
import { gateway } from '../api.js';
import type { Schemas } from '../api.js';
import { PAGE_URL } from '../config.js';
import { count } from '../format.js';
import { Copy } from '../parts/copy.js';
import { EntryStatus } from '../parts/entry-status.js';
import { Facts } from '../parts/facts.js';
import { Id } from '../parts/id.js';
import { Json } from '../parts/json.js';
import { Loading } from '../parts/loading.js';
import { Page } from '../parts/page.js';
import { Panel } from '../parts/panel.js';
import { ProblemNote } from '../parts/problem.js';
import { Status } from '../parts/status.js';
import { href, segment } from '../router.js';
import { useLoad } from '../use-load.js';
import { EntryDecision } from './entry-decision.js';
import { EntryDeliveries } from './entry-deliveries.js';
import { EntryTimeline } from './entry-timeline.js';
import { outcomeOf } from './entry-steps.js';
import './entry.css';

type History = Schemas['IssuanceHistory'];

const POLL_MS = 3_000;

/** One ledger entry: where its coins are, and how they got there. */
export function EntryPage({ id }: { readonly id: string }) {
  const { data, error, reload } = useLoad(
    (signal) => gateway().getIssuance({ id }, { signal }),
    [id],
    POLL_MS,
  );
  return (
    <Page title={data ? titleOf(data) : `Entry ${id}`}>
      <ProblemNote error={error} retry={reload} />
      {!data && error === undefined && <Loading lines={8} />}
      {data && (
        <>
          <Summary entry={data} />
          <Entry entry={data} reload={reload} />
        </>
      )}
    </Page>
  );
}

/** Where the coins are. */
function Summary({ entry }: { readonly entry: History }) {
  return (
    <ul class="entry-summary">
      <li>
        <EntryStatus entry={entry} /> in the ledger
      </li>
      {entry.deliveries.map((delivery) => (
        <li key={delivery.id}>
          <Status value={delivery.status} /> <bdi>{delivery.consumer}</bdi>
          <span class="hint">: {outcomeOf(entry, delivery)}</span>
        </li>
      ))}
    </ul>
  );
}

function Entry({ entry, reload }: { readonly entry: History; readonly reload: () => void }) {
  const [wasQuarantined] = useState(entry.status === 'quarantined');
  return (
    <div class="entry">
      <div class="stack">
        {wasQuarantined && <EntryDecision entry={entry} onDone={reload} />}
        <Panel title="Timeline">
          <EntryTimeline history={entry} />
        </Panel>
      </div>
      <div class="stack">
        <EntryFacts entry={entry} />
        <EntryDeliveries entry={entry} onDone={reload} />
        <Verification entry={entry} />
        <RawEntry entry={entry} />
      </div>
    </div>
  );
}

function titleOf({ quantity, name, user_id }: History): string {
  return `${quantity ?? '?'} ${name ?? 'coins'} for ${user_id}`;
}

function EntryFacts({ entry }: { readonly entry: History }) {
  const { id, kind, transaction_id, content, user_id, nonce, origin, reason } = entry;
  return (
    <Panel title="Entry">
      <Facts
        items={[
          ['Kind', kind],
          ...(reason === null ? [] : [['Reason for the quarantine', reason] as const]),
          ['User', <Id value={user_id} href={href(`/users/${segment(user_id)}`)} copy="Copy the user id" />],
          ['Entry', <Id value={id} copy="Copy the entry id" />],
          ['Transaction', <Id value={transaction_id} copy="Copy the transaction id" />],
          ['Content', <Id value={content} />],
          ...(nonce === null ? [] : [['Nonce', <Id value={nonce} />] as const]),
          ...(origin === null ? [] : [['Origin', <Id value={origin} />] as const]),
        ]}
      />
    </Panel>
  );
}

function Verification({ entry }: { readonly entry: History }) {
  const { formula, secret, quantity_text, promise, duplicates } = entry.verification;
  return (
    <Panel title="Verification">
      <Facts
        items={[
          ['Formula', formula],
          ['Secret', secret],
          ['Quantity as received', <bdi class="id">{quantity_text}</bdi>],
          [
            'Promised by a moment',
            promise ? (
              <>
                {promise.quantity ?? 'no quantity'} for <bdi>{promise.user_id ?? 'no user'}</bdi>
              </>
            ) : (
              'not known'
            ),
          ],
          ['Received again', duplicates === 0 ? 'never' : `${count(duplicates)} times`],
        ]}
      />
    </Panel>
  );
}

function RawEntry({ entry }: { readonly entry: History }) {
  const url = `${PAGE_URL}api/v1/kiip/issuances/${segment(entry.id)}`;
  const curl = `curl -H "Authorization: Bearer $API_KEY" '${url.replaceAll("'", '%27')}'`;
  return (
    <Panel title="With the API" actions={<Copy text={curl} label="Copy the curl command" />}>
      <pre class="command" tabIndex={0}>
        {curl}
      </pre>
      <Json value={entry} />
    </Panel>
  );
}
