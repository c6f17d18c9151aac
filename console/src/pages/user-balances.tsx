import { gateway } from '../api.js';
import { count } from '../format.js';
import { Empty } from '../parts/empty.js';
import { Id } from '../parts/id.js';
import { Loading } from '../parts/loading.js';
import { Panel } from '../parts/panel.js';
import { ProblemNote } from '../parts/problem.js';
import { useLoad } from '../use-load.js';

const POLL_MS = 5_000;

export function UserBalances({ userId }: { readonly userId: string }) {
  const { data, error, reload } = useLoad(
    (signal) => gateway().getBalances({ user_id: userId }, { signal }),
    [userId],
    POLL_MS,
  );
  return (
    <Panel title="Balances">
      <ProblemNote error={error} retry={reload} />
      {!data && error === undefined && <Loading lines={3} />}
      {data?.balances.length === 0 && <Empty>No coins yet: no entry of this user has been accepted.</Empty>}
      {data && data.balances.length > 0 && (
        <div class="user-figures">
          {data.balances.map(({ content, name, quantity }) => (
            <div key={`${content} ${name}`} class="user-figure">
              <h3>
                <bdi>{name ?? 'Without a name'}</bdi>
              </h3>
              <p class="user-value">{count(quantity)}</p>
              <p class="hint">
                <Id value={content} />
              </p>
            </div>
          ))}
        </div>
      )}
    </Panel>
  );
}
