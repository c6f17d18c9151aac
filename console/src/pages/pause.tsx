import type { Schemas } from '../api.js';
import { gateway } from '../api.js';
import { href } from '../router.js';
import { useLoad } from '../use-load.js';
import { Time } from '../parts/time.js';

type Pause = NonNullable<Schemas['Consumer']['paused']>;

const POLL_MS = 5_000;

export function useConsumers() {
  return useLoad((signal) => gateway().listConsumers({}, { signal }), [], POLL_MS);
}

/** Since when, by whom and why. */
export function PauseText({ pause }: { readonly pause: Pause }) {
  const { since, cause, caller, reason } = pause;
  return (
    <>
      {cause === 'gone' ? (
        'It responded 410 Gone'
      ) : (
        <>
          Paused
          {caller !== null && (
            <>
              {' '}
              by <bdi>{caller}</bdi>
            </>
          )}
          {reason !== null && (
            <>
              :{' '}
              <q>
                <bdi>{reason}</bdi>
              </q>
            </>
          )}
        </>
      )}
      , since <Time at={since} />
    </>
  );
}

/** Says that the deliveries of a consumer wait, if they do. */
export function PauseNote({ consumer }: { readonly consumer: string }) {
  const pause = useConsumers().data?.items.find(({ name }) => name === consumer)?.paused;
  if (!pause) return null;
  return (
    <div class="note warn" role="status">
      <p>
        <strong>
          <bdi>{consumer}</bdi> is paused, so this waits.
        </strong>{' '}
        <PauseText pause={pause} />. <a href={href('/deliveries')}>Resume it</a> to continue.
      </p>
    </div>
  );
}
