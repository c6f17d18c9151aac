import { gateway } from '../api.js';
import type { Schemas } from '../api.js';
import { count } from '../format.js';
import { PauseNote } from './pause.js';
import { href } from '../router.js';
import { useLoad } from '../use-load.js';
import type { Loaded } from '../use-load.js';
import { Ask } from '../parts/ask.js';
import { Facts } from '../parts/facts.js';
import { Json } from '../parts/json.js';
import { Loading } from '../parts/loading.js';
import { Page } from '../parts/page.js';
import { Panel } from '../parts/panel.js';
import { ProblemNote } from '../parts/problem.js';
import { Status } from '../parts/status.js';
import { Time } from '../parts/time.js';
import './replay.css';

type Replay = Schemas['Replay'];

const POLL_MS = 1_000;

/** How far a replay has come. */
export function ReplayPage({ id }: { readonly id: string }) {
  const replay: Loaded<Replay> = useLoad(
    // One that has ended does not change any more.
    async (signal) =>
      replay.data && isOver(replay.data) ? replay.data : gateway().getReplay({ id }, { signal }),
    [id],
    POLL_MS,
  );
  const { data, error, reload } = replay;
  return (
    <Page title="Replay" actions={data && <Actions replay={data} onChange={reload} />}>
      <ProblemNote error={error} retry={reload} />
      {data && !isOver(data) && <PauseNote consumer={data.consumer} />}
      {(data || error === undefined) && (
        <Panel title="Progress">{data ? <Progress replay={data} /> : <Loading />}</Panel>
      )}
      {data && (
        <Panel title="Request">
          <Facts
            items={[
              [
                'Consumer',
                <a href={href('/deliveries', { consumer: data.consumer })}>
                  <bdi>{data.consumer}</bdi>
                </a>,
              ],
              ['Entries from', <Time at={data.from} />],
              ['Entries before', <Time at={data.to} />],
              ['Caller', <bdi>{data.requested_by ?? '–'}</bdi>],
              ['Started', <Time at={data.created_at} />],
              ['Ended', <Time at={data.finished_at} />],
            ]}
          />
          <Json value={data} />
        </Panel>
      )}
    </Page>
  );
}

function isOver({ status }: Replay): boolean {
  return status === 'finished' || status === 'cancelled';
}

function Progress({ replay }: { readonly replay: Replay }) {
  const { status, done, count: all, consumer } = replay;
  const text = `${count(done)} of ${count(all)} entries are due`;
  return (
    <>
      <p class="progress-text">
        <Status value={status} /> <span>{text}</span>
        {all > 0 && <span class="muted">{Math.floor((100 * done) / all)} %</span>}
      </p>
      <progress max={all || 1} value={all > 0 ? done : 1} aria-label={text} />
      <p class="hint">
        Entries that are due are sent as fast as the consumer accepts them:{' '}
        <a href={href('/deliveries', { consumer, status: 'pending' })}>those that are still pending</a>.
      </p>
    </>
  );
}

const CHANGES = {
  pause: {
    action: 'Pause',
    operation: 'pauseReplay',
    text: 'Nothing further becomes due until it is resumed. What is due already is still sent.',
  },
  resume: {
    action: 'Resume',
    operation: 'resumeReplay',
    text: 'It continues after the last entry that has become due.',
  },
  cancel: {
    action: 'Cancel replay',
    operation: 'cancelReplay',
    text: 'Nothing further becomes due. What is due already is still sent. This is final.',
  },
} as const;

function Actions({ replay, onChange }: { readonly replay: Replay; readonly onChange: () => void }) {
  if (isOver(replay)) return null;
  return (
    <>
      <Change change={replay.status === 'paused' ? 'resume' : 'pause'} replay={replay} onChange={onChange} />
      <Change change="cancel" replay={replay} onChange={onChange} />
    </>
  );
}

function Change(props: {
  readonly change: keyof typeof CHANGES;
  readonly replay: Replay;
  readonly onChange: () => void;
}) {
  const {
    change,
    replay: { id, consumer },
    onChange,
  } = props;
  const { action, operation, text } = CHANGES[change];
  return (
    <Ask
      key={change}
      action={action}
      title={`${action === 'Cancel replay' ? 'Cancel' : action} the replay to ${consumer}?`}
      reason="optional"
      danger={change === 'cancel'}
      onConfirm={async (reason) => {
        await gateway().call(operation, { id, body: { reason } });
        onChange();
      }}
    >
      <p>{text}</p>
    </Ask>
  );
}
