import type { Schemas } from '../api.js';
import { Id } from '../parts/id.js';
import { Status } from '../parts/status.js';
import { Time } from '../parts/time.js';
import { elapsed, logLength } from '../elapsed.js';
import { isSuccess, participantsOf, stepsOf } from './entry-steps.js';
import type { Step } from './entry-steps.js';
import './entry-timeline.css';

/** From when on the lifelines are dotted: nobody reads such a distance off the scale. */
const BREAK_MS = 60_000;

/** What `detail` is, where that is not clear by itself. */
const DETAILS: Partial<Record<Schemas['TimelineEventKind'], string>> = {
  rewarded: 'Moment',
  promised: 'Reward',
  verified: 'Formula',
};

/**
 * Who sent what to whom: a sequence diagram, with a lifeline for each participant, and time from the top to the bottom on a
 * logarithmic scale. It is a list, so that it reads the same without the picture.
 */
export function EntryTimeline({ history }: { readonly history: Schemas['IssuanceHistory'] }) {
  const participants = participantsOf(history);
  return (
    <div class="timeline" style={{ '--participants': String(participants.length) }}>
      <div class="participants" aria-hidden="true">
        {participants.map((name) => (
          <bdi key={name} title={name}>
            {name}
          </bdi>
        ))}
      </div>
      <ol>
        {stepsOf(history).map((step, index) => (
          <TimelineStep key={index} step={step} participants={participants.length} />
        ))}
      </ol>
    </div>
  );
}

function TimelineStep({ step, participants }: { readonly step: Step; readonly participants: number }) {
  const { at, gapMs, tone, title, event } = step;
  return (
    <li class={`step step-${tone}${event ? '' : ' step-ahead'}`}>
      {gapMs > 0 && (
        <p class={gapMs >= BREAK_MS ? 'gap gap-long' : 'gap'} style={{ '--gap': `${logLength(gapMs, 9)}px` }}>
          <Lifelines count={participants} />
          <span>{elapsed(gapMs)} later</span>
        </p>
      )}
      <div class="step-row">
        <Lifelines count={participants} {...step} />
        <div class="step-text">
          <p class="step-title">
            <bdi>{title}</bdi> {event?.event === 'attempted' && <Response event={event} />}
          </p>
          <p class="hint">
            <Time at={at} />
          </p>
          {event && <Details event={event} />}
        </div>
      </div>
    </li>
  );
}

function Response({ event: { status } }: { readonly event: Schemas['TimelineEvent'] }) {
  const isGood = isSuccess(status);
  return (
    <Status
      value={typeof status === 'number' ? String(status) : 'no response'}
      tone={isGood ? 'good' : 'bad'}
    />
  );
}

/** The lifelines beside a row, with the arrow of what happens in it. */
function Lifelines({
  count,
  from,
  to,
}: {
  readonly count: number;
  readonly from?: number;
  readonly to?: number;
}) {
  return (
    <span class="lifelines" aria-hidden="true">
      {Array.from({ length: count }, (_, index) => (
        <span key={index} class="lifeline" />
      ))}
      {from !== undefined && to !== undefined && (
        <span
          class={from === to ? 'mark' : from < to ? 'arrow' : 'arrow arrow-back'}
          style={{ '--from': String(Math.min(from, to)), '--to': String(Math.max(from, to)) }}
        />
      )}
    </span>
  );
}

function Details({ event }: { readonly event: Schemas['TimelineEvent'] }) {
  const { duration_ms: ms, detail, caller, reason, request_id } = event;
  return (
    <ul class="step-details">
      {ms !== undefined && (
        <li>
          <span class="bar" style={{ '--length': `${logLength(ms, 24)}px` }} aria-hidden="true" />
          {elapsed(ms)}
          {detail !== undefined && `, ${detail}`}
        </li>
      )}
      {ms === undefined && detail !== undefined && (
        <li>
          {DETAILS[event.event]} <bdi>{detail}</bdi>
        </li>
      )}
      {caller !== undefined && (
        <li>
          By <bdi>{caller}</bdi>
          {reason !== undefined && (
            <>
              : <bdi>{reason}</bdi>
            </>
          )}
        </li>
      )}
      {request_id !== undefined && (
        <li>
          Request <Id value={request_id} copy="Copy the request id" />
        </li>
      )}
    </ul>
  );
}
