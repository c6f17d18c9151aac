import { useState } from 'preact/hooks';
import { LONG_DEADLINE_MS, gateway } from '../api.js';
import { count, duration } from '../format.js';
import { PauseNote } from './pause.js';
import { ReplayForm } from './replay-form.js';
import type { ReplayRequest } from './replay-form.js';
import { href, navigate, segment } from '../router.js';
import { Ask } from '../parts/ask.js';
import { Page } from '../parts/page.js';
import { Panel } from '../parts/panel.js';
import { ProblemNote } from '../parts/problem.js';
import { Time } from '../parts/time.js';

/** Counts the entries first, and starts a replay of them then. */
export function NewReplay() {
  const [counted, setCounted] = useState<{ request: ReplayRequest; entries: number }>();
  const [error, setError] = useState<unknown>();
  const countEntries = async (request: ReplayRequest) => {
    setError(undefined);
    try {
      const { count: entries } = await gateway().createReplay(
        { body: { ...request, dry_run: true } },
        { deadlineMs: LONG_DEADLINE_MS },
      );
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
        <ReplayForm
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

function Start({ request, entries }: { readonly request: ReplayRequest; readonly entries: number }) {
  const { consumer, from, to, rate_per_second: rate } = request;
  const start = async (reason: string | undefined) => {
    const { id } = await gateway().createReplay(
      { body: { ...request, reason } },
      { deadlineMs: LONG_DEADLINE_MS },
    );
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
