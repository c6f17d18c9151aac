import { useState } from 'preact/hooks';
import { gateway } from './api.js';
import { count, duration } from './format.js';
import { fromLocalInput, toLocalInput } from './local-time.js';
import { PauseNote, useConsumers } from './pause.js';
import { href, navigate, segment } from './router.js';
import { Ask } from './parts/ask.js';
import { Page } from './parts/page.js';
import { Panel } from './parts/panel.js';
import { ProblemNote } from './parts/problem.js';
import { Time } from './parts/time.js';
import './new-replay.css';

const MINUTE_MS = 60_000;
const DAY_MS = 1_440 * MINUTE_MS;

interface Request {
  readonly consumer: string;
  readonly from: string;
  readonly to: string;
  readonly rate_per_second: number;
}

/** Counts the entries first, and starts a replay of them then. */
export function NewReplay() {
  const [counted, setCounted] = useState<{ request: Request; entries: number }>();
  const [error, setError] = useState<unknown>();
  const countEntries = async (request: Request) => {
    setError(undefined);
    try {
      const { count: entries } = await gateway().createReplay({ body: { ...request, dry_run: true } });
      setCounted({ request, entries });
    } catch (failure) {
      setError(failure);
    }
  };
  return (
    <Page title="New replay">
      <Panel title="1. Which entries">
        <p class="hint">
          All accepted entries of the time window are sent to the consumer again, under the same webhook-ids.
          One that counts each id once counts nothing twice.
        </p>
        <Form
          onCount={countEntries}
          // What was counted is no longer what would be started.
          onChange={() => setCounted(undefined)}
        />
        <ProblemNote error={error} />
      </Panel>
      <Panel title="2. Start">
        {counted ? (
          <Start {...counted} />
        ) : (
          <p class="hint">Count the entries first. Nothing is sent by that.</p>
        )}
      </Panel>
    </Page>
  );
}

function Form(props: {
  readonly onCount: (request: Request) => Promise<void>;
  readonly onChange: () => void;
}) {
  const { onCount, onChange } = props;
  const consumers = useConsumers();
  const [isCounting, setCounting] = useState(false);
  const [window, setWindow] = useState(lastDay);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setCounting(true);
    await onCount({
      consumer: form.get('consumer') as string,
      from: fromLocalInput(window.from)!.toISOString(),
      to: fromLocalInput(window.to)!.toISOString(),
      rate_per_second: Number(form.get('rate')),
    });
    setCounting(false);
  };
  return (
    <form class="stack" onSubmit={(event) => void submit(event)} onInput={onChange}>
      <ProblemNote error={consumers.error} retry={consumers.reload} />
      <div class="fields replay-fields">
        <label>
          Consumer
          <select name="consumer" required>
            {consumers.data?.items.map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <TimeField
          title="From"
          value={window.from}
          onChange={(from) => setWindow((before) => ({ ...before, from }))}
        />
        <TimeField
          title="Before"
          value={window.to}
          onChange={(to) => setWindow((before) => ({ ...before, to }))}
        />
        <label>
          Entries per second
          <input name="rate" type="number" min={1} max={1_000} step={1} defaultValue="100" required />
        </label>
      </div>
      <div class="actions">
        <button type="submit" class="primary" disabled={isCounting}>
          Count the entries
        </button>
      </div>
    </form>
  );
}

/** In the viewer's zone, with UTC below it: on the day of a change of the clocks, an hour is there twice. */
function TimeField(props: {
  readonly title: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}) {
  const { title, value, onChange } = props;
  const utc = fromLocalInput(value)?.toISOString().replace('T', ' ').replace('.000Z', ' UTC');
  return (
    <label>
      {title} <span class="hint">({Intl.DateTimeFormat().resolvedOptions().timeZone})</span>
      <input
        type="datetime-local"
        step={1}
        required
        value={value}
        onInput={({ currentTarget }) => onChange(currentTarget.value)}
      />
      <span class="hint">{utc ?? 'Give a date and a time'}</span>
    </label>
  );
}

function Start({ request, entries }: { readonly request: Request; readonly entries: number }) {
  const { consumer, from, to, rate_per_second: rate } = request;
  const start = async (reason: string | undefined) => {
    const { id } = await gateway().createReplay({ body: { ...request, reason } });
    navigate(href(`/replays/${segment(id!)}`));
  };
  return (
    <>
      <p role="status">
        <strong>{count(entries)}</strong> {entries === 1 ? 'entry' : 'entries'} from <Time at={from} /> to{' '}
        <Time at={to} />
        {entries > 0 && (
          <>
            {' '}
            for <bdi>{consumer}</bdi>. At {count(rate)} per second, that takes{' '}
            {duration(Math.ceil(entries / rate))}.
          </>
        )}
      </p>
      {entries === 0 ? (
        <p class="hint">There is nothing to send: choose another time window.</p>
      ) : (
        <>
          <PauseNote consumer={consumer} />
          <div class="actions">
            <Ask
              action="Start the replay"
              title={`Send ${count(entries)} entries to ${consumer} again?`}
              reason="optional"
              onConfirm={start}
            >
              <p>It ends a pause after a 410. If somebody has paused the consumer, the replay waits.</p>
            </Ask>
          </div>
        </>
      )}
    </>
  );
}

function lastDay(): { from: string; to: string } {
  // The current minute is included.
  const to = Math.ceil(Date.now() / MINUTE_MS) * MINUTE_MS;
  return { from: toLocalInput(new Date(to - DAY_MS)), to: toLocalInput(new Date(to)) };
}
