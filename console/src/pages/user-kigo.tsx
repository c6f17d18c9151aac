import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { GatewayProblem, gateway } from '../api.js';
import { count, duration } from '../format.js';
import { Empty } from '../parts/empty.js';
import { Id } from '../parts/id.js';
import { Panel } from '../parts/panel.js';
import { ProblemNote } from '../parts/problem.js';
import { Status } from '../parts/status.js';
import { Time } from '../parts/time.js';
import { onSignOut } from '../session.js';
import { useLoad } from '../use-load.js';
import type { Loaded } from '../use-load.js';

/** sessionStorage: most people look at users of one program. */
const KEY = 'rewards-gateway.program';
onSignOut(() => sessionStorage.removeItem(KEY));

/** What Kigo knows of the user: it needs the program as well. */
export function UserKigo({ userId }: { readonly userId: string }) {
  const [program, setProgram] = useState(() => sessionStorage.getItem(KEY) ?? '');
  /** Above 0: Kigo is asked, whatever is cached. */
  const [turn, setTurn] = useState(0);
  const choose = (event: SubmitEvent) => {
    event.preventDefault();
    const chosen = (new FormData(event.currentTarget as HTMLFormElement).get('program') as string).trim();
    sessionStorage.setItem(KEY, chosen);
    setProgram(chosen);
    setTurn(0);
  };
  const again = program !== '' && (
    <button type="button" onClick={() => setTurn(turn + 1)}>
      Ask Kigo again
    </button>
  );
  return (
    <Panel title="Kigo" actions={again}>
      <form class="fields" onSubmit={choose}>
        <label>
          External program id
          <input name="program" defaultValue={program} required maxLength={256} spellcheck={false} />
        </label>
        <button type="submit">Show</button>
      </form>
      {program === '' ? (
        <Empty>Enter the program of the user to see the badge, the account and the hub summary.</Empty>
      ) : (
        <KigoFigures key={`${program} ${turn}`} userId={userId} program={program} isForced={turn > 0} />
      )}
    </Panel>
  );
}

function KigoFigures(props: {
  readonly userId: string;
  readonly program: string;
  readonly isForced: boolean;
}) {
  const { userId, program, isForced } = props;
  const user = { external_user_id: userId, external_program_id: program };
  const options = { ...(isForced && { headers: { 'cache-control': 'no-cache' } }) };
  const badge = useLoad(async (signal) => {
    let headers = new Headers();
    const client = gateway((seen) => (headers = seen));
    const { count } = await client.getUnviewedCount(user, { signal, ...options });
    return { count, headers };
  }, []);
  const account = useLoad((signal) => gateway().findAccount(user, { signal, ...options }), []);
  const accountId = account.data?.account_id;
  const summary = useLoad(
    async (signal) =>
      accountId === undefined
        ? undefined
        : gateway().getHubSummary({ account_id: accountId }, { signal, ...options }),
    [accountId],
  );
  return (
    <div class="user-figures">
      <Figure name="Badge" loaded={badge} value={badge.data?.count}>
        {badge.data && <Provenance headers={badge.data.headers} />}
      </Figure>
      <Figure name="Tokens" loaded={summary} value={summary.data?.total_tokens}>
        {account.error !== undefined && 'They need the account.'}
        {summary.data && (
          <>
            {summary.data.unviewed_products} unviewed as of <Time at={summary.data.as_of} />{' '}
            {summary.data.stale && <Status value="stale" />}
          </>
        )}
      </Figure>
      <Figure name="Account" loaded={account}>
        {accountId !== undefined && <Id value={accountId} copy="Copy the account id" />}
      </Figure>
    </div>
  );
}

function Figure(props: {
  readonly name: string;
  readonly loaded: Loaded<unknown>;
  readonly value?: number | undefined;
  readonly children?: ComponentChildren;
}) {
  const { name, loaded, value, children } = props;
  const { error, reload } = loaded;
  const isUnknown = error instanceof GatewayProblem && error.is('account-not-found');
  return (
    <div class="user-figure">
      <h3>{name}</h3>
      {value !== undefined && <p class="user-value">{count(value)}</p>}
      <p class="hint">{isUnknown ? 'Kigo has no such user in this program.' : children}</p>
      {!isUnknown && <ProblemNote error={error} retry={reload} />}
    </div>
  );
}

/** Where a count comes from, as the gateway says in its headers. */
function Provenance({ headers }: { readonly headers: Headers }) {
  const status = headers.get('cache-status') ?? '';
  const age = duration(Number(headers.get('age') ?? 0));
  if (status.includes('stale-if-error'))
    return (
      <>
        <Status value="stale" /> Kigo does not answer: from the cache, {age} old
      </>
    );
  if (status.includes('fwd=')) return <>From Kigo, just now</>;
  return <>From the cache, {age} old</>;
}
