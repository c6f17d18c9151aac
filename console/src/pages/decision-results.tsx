import { count } from '../format.js';
import type { DecisionResult } from '../use-decisions.js';
import { Status } from '../parts/status.js';

/** Of one entry. */
export function Result({ result }: { readonly result: DecisionResult | undefined }) {
  if (result === undefined) return null;
  return (
    <p class="result">
      <Status value={result.state} />
      {result.state === 'failed' && <> {result.explanation}</>}
    </p>
  );
}

/** Of all entries, for those who do not see the rows change. */
export function Summary({ results }: { readonly results: ReadonlyMap<string, DecisionResult> }) {
  const states = [...results.values()].map(({ state }) => state);
  const texts = (['waiting', 'released', 'discarded', 'failed'] as const)
    .map((state) => [state, states.filter((one) => one === state).length] as const)
    .filter(([, number]) => number > 0)
    .map(([state, number]) => `${count(number)} ${state}`);
  return (
    <p role="status" class="summary">
      {texts.join(', ')}
    </p>
  );
}
