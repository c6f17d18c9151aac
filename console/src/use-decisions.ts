import { useEffect, useRef, useState } from 'preact/hooks';
import { gateway, GatewayProblem } from './api.js';

export type Decision = 'release' | 'discard';

/** What a decision about one entry has led to, so far. */
export type DecisionResult =
  | { readonly state: 'waiting' }
  | { readonly state: 'released' | 'discarded' }
  | Failure;

interface Failure {
  readonly state: 'failed';
  readonly explanation: string;
  /** Whether it has been decided before: there is nothing to try again. */
  readonly isFinal: boolean;
}

/** Whether a decision can still be made. */
export function isUndecided(result: DecisionResult | undefined): boolean {
  return result === undefined || (result.state === 'failed' && !result.isFinal);
}

/**
 * Decisions about entries, each with its own result: one that fails leaves the others alone.
 * They end with the page, and so with the session.
 */
export function useDecisions() {
  const results = useRef(new Map<string, DecisionResult>());
  const [, update] = useState(0);
  const [left] = useState(() => new AbortController());
  useEffect(() => () => left.abort(), []);
  const set = (id: string, result: DecisionResult) => {
    results.current.set(id, result);
    update((count) => count + 1);
  };
  return {
    results: results.current as ReadonlyMap<string, DecisionResult>,
    decide: async (ids: readonly string[], decision: Decision, reason: string | undefined) => {
      for (const id of ids) set(id, { state: 'waiting' });
      for (const id of ids) {
        if (left.signal.aborted) return;
        set(id, await decideOne(id, decision, reason, left.signal));
      }
    },
  };
}

async function decideOne(
  id: string,
  decision: Decision,
  reason: string | undefined,
  signal: AbortSignal,
): Promise<DecisionResult> {
  const input = { id, body: { reason } };
  try {
    if (decision === 'release') await gateway().releaseIssuance(input, { signal });
    else await gateway().discardIssuance(input, { signal });
    return { state: decision === 'release' ? 'released' : 'discarded' };
  } catch (error) {
    return { state: 'failed', ...(await explain(error, id)) };
  }
}

async function explain(error: unknown, id: string): Promise<Omit<Failure, 'state'>> {
  if (!(error instanceof GatewayProblem))
    return {
      explanation:
        'No response: it may have been decided all the same. Reload the list before you try again.',
      isFinal: false,
    };
  const { errors, body, status } = error;
  const earlier = status === 409 ? await explainEarlierDecision(id) : undefined;
  if (earlier !== undefined) return { explanation: earlier, isFinal: true };
  return {
    explanation: errors.length > 0 ? errors.map(({ detail }) => detail).join(' ') : body.detail,
    isFinal: false,
  };
}

/** The gateway says that there is a conflict; who was first is in the entry. */
async function explainEarlierDecision(id: string): Promise<string | undefined> {
  try {
    const { status, verification } = await gateway().getIssuance({ id });
    if (status === 'quarantined') return undefined;
    const by = verification.decided_by;
    if (status === 'recorded') return 'Meanwhile the gateway has accepted it by itself.';
    return `Already ${status}${by === null ? '' : ` by ${by}`}: a decision is final.`;
  } catch {
    return undefined;
  }
}
