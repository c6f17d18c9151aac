import { GatewayProblem } from '../api.js';
import { UnreachableError } from '../reach.js';
import { Copy } from './copy.js';

/** What went wrong, and what to do about it. Nothing without an error. */
export function ProblemNote(props: {
  readonly error: unknown;
  readonly retry?: () => void;
  /** Whether the request was to change something: without a response, it may have. */
  readonly isAction?: boolean;
}) {
  const { error, retry, isAction } = props;
  if (error === undefined) return null;
  const { title, text, requestId } = describe(error);
  return (
    <div class="note bad" role="alert">
      <p>
        <strong>{title}</strong>{' '}
        {isAction && isWithoutResponse(error)
          ? 'It may have happened all the same: look at the page, or at the list of replays, before you try again.'
          : text}
      </p>
      {error instanceof GatewayProblem && error.errors.length > 0 && (
        <ul>
          {error.errors.map(({ pointer, detail }) => (
            <li key={pointer}>
              <bdi>{pointer}</bdi>: {detail}
            </li>
          ))}
        </ul>
      )}
      {requestId !== undefined && (
        <p class="hint">
          Request <bdi class="id">{requestId}</bdi> <Copy text={requestId} label="Copy the request id" />
        </p>
      )}
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

function isTimeout(error: unknown): boolean {
  return (error as Error | null)?.name === 'TimeoutError';
}

function isWithoutResponse(error: unknown): boolean {
  return isTimeout(error) || error instanceof UnreachableError;
}

function describe(error: unknown): { title: string; text: string; requestId?: string } {
  if (error instanceof GatewayProblem)
    return { title: `${error.body.title}.`, text: adviceOf(error), requestId: error.requestId };
  if (isTimeout(error))
    return {
      title: 'The gateway did not answer in time.',
      text: 'Try again. If it stays so, look at the overview and at the log of the gateway.',
    };
  if (error instanceof UnreachableError)
    return {
      title: 'The gateway cannot be reached.',
      text: 'Check your connection to it, such as the port forwarding, and try again.',
    };
  return {
    title: 'Something went wrong on this page.',
    text: String((error as Error | null)?.message ?? error),
  };
}

function adviceOf({ status, body, retryAfterMs }: GatewayProblem): string {
  if (status === 429 || status === 503) {
    const seconds = Math.ceil((retryAfterMs ?? 0) / 1_000);
    return `${body.detail} Try again ${seconds > 0 ? `in ${seconds} s` : 'in a moment'}.`;
  }
  if (status === 403) return `${body.detail} Sign in with a credential that has it.`;
  return body.detail;
}
