import { GatewayProblem, operational } from '../api.js';
import { Loading } from '../parts/loading.js';
import { ProblemNote } from '../parts/problem.js';
import { Status } from '../parts/status.js';
import { Age } from '../parts/time.js';
import { useLoad } from '../use-load.js';

const REFRESH_MS = 5_000;

interface Operation {
  readonly breaker: string;
  readonly last_success_at: string | null;
  readonly last_failure?: { readonly at: string; readonly reason: string } | null;
}

/** What all of them may have, each a part of it. */
interface Dependency {
  readonly status: 'up' | 'down';
  readonly state?: string;
  readonly last_success_at?: string | null;
  readonly last_failure?: { readonly at: string; readonly reason: string } | null;
  readonly operations?: Readonly<Record<string, Operation>>;
}

type Dependencies = Readonly<Record<string, Dependency>>;

const NAMES = { kigo: 'Kigo', kiip: 'Kiip', redis: 'Redis', database: 'Database' } as const;

/** What this gateway uses, as `/health/dependencies` sees it. */
export function DependencyTiles() {
  const { data, error, reload } = useLoad(loadDependencies, [], REFRESH_MS);
  if (error !== undefined) return <ProblemNote error={error} retry={reload} />;
  return (
    <ul class="tiles" aria-label="What the gateway uses">
      {Object.entries(NAMES).map(([key, name]) => (
        <li key={key} class="tile">
          <h2>{name}</h2>
          {data === undefined ? <Loading lines={2} /> : <State dependency={data[key]} />}
        </li>
      ))}
    </ul>
  );
}

async function loadDependencies(signal: AbortSignal): Promise<Dependencies> {
  try {
    return (await operational<{ details: Dependencies }>('health/dependencies', signal)).details;
  } catch (error) {
    // While something is down, the response is 503, with the same checks.
    if (error instanceof GatewayProblem && error.body.checks) return error.body.checks as Dependencies;
    throw error;
  }
}

function State({ dependency }: { readonly dependency: Dependency | undefined }) {
  if (dependency === undefined) return <p class="muted">not used by this process</p>;
  const operations = Object.entries(dependency.operations ?? {});
  const failing = operations.filter(([, { breaker }]) => breaker !== 'closed');
  const state = dependency.state ?? 'up';
  const value = dependency.status === 'down' ? 'down' : failing.length > 0 ? 'degraded' : state;
  const isUnused = state === 'not-configured';
  const [, trouble] = failing[0] ?? [];
  const failure = trouble?.last_failure ?? (dependency.status === 'down' ? dependency.last_failure : null);
  return (
    <>
      <p>
        <Status value={isUnused ? 'not configured' : value} />
      </p>
      {failing.map(([name, { breaker }]) => (
        <p key={name}>
          {name}: breaker <Status value={breaker} />
        </p>
      ))}
      {failure && (
        <p class="hint">
          {failure.reason}, <Age since={failure.at} /> ago
        </p>
      )}
      <p class="hint">
        <LastSuccess at={latest(dependency, operations)} isUnused={isUnused} />
      </p>
    </>
  );
}

function LastSuccess({ at, isUnused }: { readonly at: string | undefined; readonly isUnused: boolean }) {
  if (isUnused) return <>only memory is used</>;
  if (at === undefined) return <>not called since the start</>;
  return (
    <>
      last success <Age since={at} /> ago
    </>
  );
}

function latest(
  { last_success_at: own }: Dependency,
  operations: readonly (readonly [string, Operation])[],
): string | undefined {
  const times = [own, ...operations.map(([, { last_success_at: at }]) => at)];
  return times
    .filter((at) => typeof at === 'string')
    .toSorted()
    .at(-1);
}
