import { useState } from 'preact/hooks';
import { fromLocalInput, toLocalInput } from '../local-time.js';
import { useConsumers } from './pause.js';
import { ProblemNote } from '../parts/problem.js';
import './replay-form.css';

const MINUTE_MS = 60_000;
const DAY_MS = 1_440 * MINUTE_MS;

export interface ReplayRequest {
  readonly consumer: string;
  readonly from: string;
  readonly to: string;
  readonly rate_per_second: number;
}

/** Which entries a replay is to send, how fast and to whom. */
export function ReplayForm(props: {
  readonly onCount: (request: ReplayRequest) => Promise<void>;
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
        <button type="submit" class="primary" disabled={isCounting || !consumers.data}>
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

function lastDay(): { from: string; to: string } {
  // The current minute is included.
  const to = Math.ceil(Date.now() / MINUTE_MS) * MINUTE_MS;
  return { from: toLocalInput(new Date(to - DAY_MS)), to: toLocalInput(new Date(to)) };
}
