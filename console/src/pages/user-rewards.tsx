import { gateway } from '../api.js';
import { Id } from '../parts/id.js';
import { Loading } from '../parts/loading.js';
import { Panel } from '../parts/panel.js';
import { ProblemNote } from '../parts/problem.js';
import { Table } from '../parts/table.js';
import { Time } from '../parts/time.js';
import { useLoad } from '../use-load.js';

const POLL_MS = 5_000;
/** The API lists no more. */
const MAX_REWARDS = 100;

/** What Kiip has given to the user, and no callback has come for. */
export function UserRewards({ userId }: { readonly userId: string }) {
  const { data, error, reload } = useLoad(
    (signal) => gateway().listUserRewards({ user_id: userId }, { signal }),
    [userId],
    POLL_MS,
  );
  const open = data?.items.filter(({ issuance_id }) => issuance_id === null);
  return (
    <Panel title="Rewards without a callback">
      <ProblemNote error={error} retry={reload} />
      {!open && error === undefined && <Loading lines={2} />}
      {open && (
        <Table
          caption="Rewards without a callback"
          rows={open}
          rowKey={({ reward_id }) => reward_id}
          columns={[
            {
              title: 'Reward',
              cell: ({ reward_id, rewarded_at }) => (
                <>
                  <Id value={reward_id} copy="Copy the reward id" />
                  <div class="hint user-time">
                    <Time at={rewarded_at} />
                  </div>
                </>
              ),
            },
            { title: 'Moment', cell: ({ moment_id }) => <Id value={moment_id} /> },
            { title: 'Coins', numeric: true, cell: ({ virtual_value }) => <bdi>{virtual_value}</bdi> },
          ]}
          empty={`${data?.items.length === MAX_REWARDS ? `None among the last ${MAX_REWARDS}` : 'None'} that the gateway knows of. Rewards that the user has not redeemed, or whose callback was lost, would be here.`}
        />
      )}
    </Panel>
  );
}
