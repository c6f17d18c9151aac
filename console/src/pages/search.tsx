import { useEffect } from 'preact/hooks';
import { GatewayProblem, gateway } from '../api.js';
import type { Schemas } from '../api.js';
import { Empty } from '../parts/empty.js';
import { Loading } from '../parts/loading.js';
import { Page } from '../parts/page.js';
import { Panel } from '../parts/panel.js';
import { ProblemNote } from '../parts/problem.js';
import { Time } from '../parts/time.js';
import { href, navigate, segment, useRoute } from '../router.js';
import { can } from '../session.js';
import { useLoad } from '../use-load.js';

const ENTRY_ID = /^iss_[0-9a-f]{32}$/;
const DELIVERY_ID = /^dlv_[0-9]+$/;
const DELIVERY = 'a delivery with this id';

interface Hit {
  readonly title: string;
  readonly to: string;
  readonly at?: string;
}

interface Finding {
  readonly hits: readonly Hit[];
  /** What there could have been. */
  readonly lookedFor: readonly string[];
}

export function SearchPage() {
  const q = useRoute().query.get('q')?.trim() ?? '';
  return (
    <Page title="Search">
      <SearchField value={q} />
      {q !== '' && <Results q={q} />}
    </Page>
  );
}

function search(event: SubmitEvent): void {
  event.preventDefault();
  const q = new FormData(event.currentTarget as HTMLFormElement).get('q') as string;
  navigate(href('/search', { q: q.trim() }));
}

function SearchField({ value }: { readonly value: string }) {
  return (
    <form class="panel" onSubmit={search}>
      <label>
        Id of a user, a transaction, an entry or a delivery
        <input name="q" type="search" value={value} autoComplete="off" spellcheck={false} />
      </label>
      <div class="actions">
        <button type="submit" class="primary">
          Search
        </button>
      </div>
    </form>
  );
}

function Results({ q }: { readonly q: string }) {
  const { data, error, reload } = useLoad((signal) => find(q, signal), [q]);
  const only = data?.hits.length === 1 ? data.hits[0] : undefined;
  useEffect(() => {
    // "Back" leads to where the person was before the search.
    if (only) location.replace(only.to);
  }, [only]);
  if (error !== undefined) return <ProblemNote error={error} retry={reload} />;
  const isDone = data !== undefined && !only;
  return (
    <>
      <p class="visually-hidden" role="status">
        {isDone && `Found: ${data.hits.length}`}
      </p>
      {!isDone && <Loading />}
      {isDone && data.hits.length === 0 && <NothingFound q={q} lookedFor={data.lookedFor} />}
      {isDone && data.hits.length > 0 && <Found hits={data.hits} />}
    </>
  );
}

function Found({ hits }: { readonly hits: readonly Hit[] }) {
  return (
    <Panel title="Found">
      <ul class="hits">
        {hits.map(({ title, to, at }) => (
          <li key={to}>
            <a href={to}>
              <bdi>{title}</bdi>
            </a>
            {at !== undefined && (
              <span class="muted">
                {' '}
                <Time at={at} />
              </span>
            )}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function NothingFound({ q, lookedFor }: { readonly q: string; readonly lookedFor: readonly string[] }) {
  return (
    <Panel title="Nothing found">
      <p>
        There is no <bdi class="id">{q}</bdi>. The gateway looked for:
      </p>
      <ul>
        {lookedFor.map((what) => (
          <li key={what}>{what}</li>
        ))}
      </ul>
      <Empty>
        Ids are compared as they are written, with upper and lower case.
        {can('ledger:read') && (
          <>
            {' '}
            A user without entries has a page too: <a href={userPage(q)}>open it</a>.
          </>
        )}
      </Empty>
    </Panel>
  );
}

async function find(q: string, signal: AbortSignal): Promise<Finding> {
  if (ENTRY_ID.test(q) && can('ledger:read')) return findEntry(q, signal);
  if (DELIVERY_ID.test(q) && can('deliveries:manage')) return findDelivery(q, signal);
  if (!can('ledger:read') && !can('kigo:read')) return { hits: [], lookedFor: [DELIVERY] };
  // Kigo knows users by program: the page asks for it.
  if (!can('ledger:read')) return { hits: [{ title: `User ${q}`, to: userPage(q) }], lookedFor: [] };
  const [ofTransaction, ofUser, rewards] = await Promise.all([
    gateway().listIssuances({ transaction_id: q, limit: 100 }, { signal }),
    gateway().listIssuances({ user_id: q, limit: 1 }, { signal }),
    orNone(gateway().listUserRewards({ user_id: q }, { signal })),
  ]);
  const isUser = ofUser.items.length > 0 || (rewards?.items.length ?? 0) > 0;
  return {
    hits: [
      ...(isUser ? [{ title: `User ${q}`, to: userPage(q) }] : []),
      ...ofTransaction.items.map(entryHit),
    ],
    lookedFor: [
      'a transaction with this id in the ledger',
      'a user with this id who has an entry in the ledger, or a reward',
    ],
  };
}

async function findEntry(id: string, signal: AbortSignal): Promise<Finding> {
  const entry = await orNone(gateway().getIssuance({ id }, { signal }));
  return { hits: entry ? [entryHit(entry)] : [], lookedFor: ['an entry with this id in the ledger'] };
}

async function findDelivery(id: string, signal: AbortSignal): Promise<Finding> {
  const delivery = await orNone(gateway().getDelivery({ id }, { signal }));
  const hit = { title: `Delivery ${id}`, to: href(`/deliveries/${segment(id)}`) };
  return { hits: delivery ? [hit] : [], lookedFor: [DELIVERY] };
}

function entryHit({ id, kind, quantity, name, user_id, received_at }: Schemas['Issuance']): Hit {
  const what = `${quantity ?? '?'} ${name ?? ''}`.trim();
  return {
    title: `Entry ${id}: ${kind} of ${what} for ${user_id}`,
    to: href(`/entries/${segment(id)}`),
    at: received_at,
  };
}

function userPage(id: string): string {
  return href(`/users/${segment(id)}`);
}

/** Not every id can be part of a path: one with a slash is refused. */
async function orNone<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof GatewayProblem && [400, 404].includes(error.status)) return undefined;
    throw error;
  }
}
