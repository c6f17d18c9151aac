import type { Schemas } from '../api.js';
import { elapsed } from '../elapsed.js';

type History = Schemas['IssuanceHistory'];
type Event = Schemas['TimelineEvent'];

export type Tone = 'good' | 'bad' | 'wait' | 'plain';

/** One row of the picture: from one participant to another, or at one. */
export interface Step {
  readonly at: string;
  /** None for what is still to come. */
  readonly event?: Event;
  readonly from: number;
  readonly to: number;
  readonly tone: Tone;
  readonly title: string;
  /** Time since the step before. */
  readonly gapMs: number;
}

const KIIP = 0;
const GATEWAY = 1;

/** Kiip, the gateway, and each consumer that the entry went to. */
export function participantsOf({ deliveries, timeline }: History): string[] {
  const consumers = [...deliveries, ...timeline].flatMap(({ consumer }) => consumer ?? []);
  return ['Kiip', 'Gateway', ...new Set(consumers)];
}

export function stepsOf(history: History): Step[] {
  const participants = participantsOf(history);
  const attempts = firstAttempts(history);
  const past = history.timeline.map((event) => {
    const { at, consumer = '' } = event;
    const number = attempts.get(consumer) ?? 1;
    if (event.event === 'attempted') attempts.set(consumer, number + 1);
    const place = consumer === '' ? GATEWAY : participants.indexOf(consumer, 2);
    return { at, event, ...describe(event, place, number) };
  });
  const ahead = history.deliveries
    .flatMap(({ consumer, next_attempt_at: at }) => (at === null ? [] : { consumer, at }))
    .toSorted((a, b) => a.at.localeCompare(b.at))
    .map(({ consumer, at }) => ({
      at,
      from: GATEWAY,
      to: participants.indexOf(consumer, 2),
      tone: 'wait' as const,
      title: `Next attempt to ${consumer}`,
    }));
  return [...past, ...ahead].map((step, index, all) => {
    const before = all[index - 1]?.at ?? step.at;
    return { ...step, gapMs: Math.max(0, Date.parse(step.at) - Date.parse(before)) };
  });
}

/** The number of the first attempt that the timeline has for each consumer: old ones are deleted. */
function firstAttempts({ deliveries, timeline }: History): Map<string, number> {
  const logged = Map.groupBy(timeline, ({ event, consumer }) =>
    event === 'attempted' ? consumer : undefined,
  );
  return new Map(
    deliveries.map(({ consumer, attempts }) => [
      consumer,
      Math.max(0, attempts - (logged.get(consumer)?.length ?? 0)) + 1,
    ]),
  );
}

function describe(
  event: Event,
  place: number,
  attempt: number,
): Pick<Step, 'from' | 'to' | 'tone' | 'title'> {
  const at = (title: string, tone: Tone = 'plain', by = place) => ({ from: by, to: by, tone, title });
  switch (event.event) {
    case 'rewarded':
      return { from: GATEWAY, to: KIIP, tone: 'plain', title: 'Moment rewarded by Kiip' };
    case 'promised':
      return { from: KIIP, to: GATEWAY, tone: 'plain', title: 'Reward stored' };
    case 'received':
      return { from: KIIP, to: GATEWAY, tone: 'plain', title: 'Callback from Kiip' };
    case 'verified':
      return at('Signature verified', 'good');
    case 'committed':
      return at('Committed to the ledger', 'good');
    case 'quarantined':
      return at('Quarantined', 'wait');
    case 'released':
      return at('Released', 'good');
    case 'discarded':
      return at('Discarded', 'bad');
    case 'retried':
      return at(`Retry to ${event.consumer ?? ''} requested`, 'plain', GATEWAY);
    case 'attempted':
      return {
        from: GATEWAY,
        to: place,
        tone: isSuccess(event.status) ? 'good' : 'bad',
        title: `Attempt ${attempt} to ${event.consumer ?? ''}`,
      };
    case 'delivered':
      return at(`Delivered to ${event.consumer ?? ''}`, 'good');
    case 'dead':
      return at(`No more attempts to ${event.consumer ?? ''}`, 'bad');
    default:
      // Of a newer gateway.
      return at(event.event);
  }
}

export function isSuccess(status: number | null | undefined): boolean {
  return typeof status === 'number' && status >= 200 && status < 300;
}

/** How long a delivery took, in words. */
export function outcomeOf({ timeline }: History, delivery: Schemas['Delivery']): string {
  const of = timeline.filter(({ consumer }) => consumer === delivery.consumer);
  const done = of.find(({ event }) => event === 'delivered');
  const received = timeline.find(({ event }) => event === 'received');
  const tries = delivery.attempts === 1 ? '1 attempt' : `${delivery.attempts} attempts`;
  if (delivery.status === 'delivered' && done && received)
    return `${elapsed(Date.parse(done.at) - Date.parse(received.at))} after the callback, ${tries}`;
  return tries;
}
