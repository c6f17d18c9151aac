import { LONG_DEADLINE_MS, gateway } from '../api.js';
import type { Schemas } from '../api.js';
import { count } from '../format.js';
import { Id } from '../parts/id.js';
import { Loading } from '../parts/loading.js';
import { Panel } from '../parts/panel.js';
import { ProblemNote } from '../parts/problem.js';
import { Status } from '../parts/status.js';
import { Time } from '../parts/time.js';
import { href, segment } from '../router.js';
import { can } from '../session.js';
import { useLoad } from '../use-load.js';

const DAY_MS = 86_400_000;
const SHOWN = 5;
/** The API lists no more rewards. */
const MAX_REWARDS = 1_000;

/** Whether each callback of the last day is somewhere. It reads all of them, so it is not repeated by itself. */
export function Reconciliation() {
  const { data, error, reload } = useLoad((signal) => {
    const now = Date.now();
    const window = { from: new Date(now - DAY_MS).toISOString(), to: new Date(now).toISOString() };
    return gateway().getReconciliation(window, { signal, deadlineMs: LONG_DEADLINE_MS });
  }, []);
  return (
    <Panel
      title="Reconciliation of the last 24 hours"
      actions={
        <button type="button" onClick={reload}>
          Count again
        </button>
      }
    >
      <ProblemNote error={error} retry={reload} />
      {data === undefined && error === undefined && <Loading lines={4} />}
      {data && <Totals totals={data} />}
    </Panel>
  );
}

function Totals({ totals }: { readonly totals: Schemas['Reconciliation'] }) {
  const { accepted, missing, to } = totals;
  const parts = [
    ['delivered', totals.delivered, deliveries('delivered')],
    ['pending', totals.pending, deliveries('pending')],
    ['dead', totals.dead, deliveries('dead')],
    ['in quarantine', totals.quarantined, href('/quarantine')],
    ['discarded', totals.discarded, href('/entries', { status: 'discarded' })],
    ['missing', missing, undefined],
  ] as const;
  return (
    <>
      <p>
        {missing === 0 ? (
          <Status value="in balance" tone="good" />
        ) : (
          <Status value="not in balance" tone="bad" />
        )}{' '}
        <a href={href('/entries')}>{count(accepted)}</a> {accepted === 1 ? 'callback' : 'callbacks'} accepted
        until <Time at={to} />
      </p>
      <ul class="sum">
        {parts.map(([name, value, to]) => (
          <li key={name}>
            <strong>{to === undefined ? count(value) : <a href={to}>{count(value)}</a>}</strong> {name}
          </li>
        ))}
      </ul>
      {missing > 0 && (
        <p class="note bad">
          {count(missing)} accepted callbacks are in none of these states. Follow “LedgerEntriesMissing” in
          the runbook.
        </p>
      )}
      <Unmatched rewards={totals.rewards_without_callback} />
    </>
  );
}

function deliveries(status: string): string | undefined {
  return can('deliveries:manage') ? href('/deliveries', { status }) : undefined;
}

function Unmatched({ rewards }: { readonly rewards: Schemas['Reconciliation']['rewards_without_callback'] }) {
  if (rewards.length === 0) return <p class="hint">Every reward has its callback.</p>;
  const orMore = rewards.length === MAX_REWARDS ? ' or more' : '';
  return (
    <details>
      <summary>
        {count(rewards.length)}
        {orMore} {rewards.length === 1 ? 'reward' : 'rewards'} without a callback: not redeemed, or lost
      </summary>
      <ul class="plain-list">
        {rewards
          .slice(0, SHOWN)
          .map(({ reward_id: id, user_id: user, virtual_value: value, rewarded_at: at }) => (
            <li key={id}>
              <Id value={user} href={href(`/users/${segment(user)}`)} />: <bdi>{value}</bdi>, <Time at={at} />
            </li>
          ))}
        {rewards.length > SHOWN && (
          <li>
            and {count(rewards.length - SHOWN)}
            {orMore || ' more'}; see the page of a user
          </li>
        )}
      </ul>
    </details>
  );
}
