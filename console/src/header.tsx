import { consoleConfig } from './config.js';
import { href, navigate } from './router.js';
import type { Route } from './router.js';
import { can, signOut } from './session.js';
import type { Session } from './session.js';

interface Link {
  readonly section: string;
  readonly text: string;
}

/** The sections that the credential may see. */
function links(): Link[] {
  return [
    { section: '', text: 'Overview' },
    ...(can('ledger:read')
      ? [
          { section: 'entries', text: 'Entries' },
          { section: 'quarantine', text: 'Quarantine' },
        ]
      : []),
    ...(can('deliveries:manage')
      ? [
          { section: 'deliveries', text: 'Deliveries' },
          { section: 'replays', text: 'Replays' },
        ]
      : []),
    ...(consoleConfig().sandbox && can('kiip:write') ? [{ section: 'play', text: 'Play' }] : []),
  ];
}

export function Header({ session, route }: { readonly session: Session; readonly route: Route }) {
  const [current = ''] = route.path;
  return (
    <header class="header">
      <a class="skip" href="#main" onClick={skipToMain}>
        Skip to the content
      </a>
      <a class="brand" href={href('/')}>
        Rewards Gateway
      </a>
      <nav aria-label="Sections">
        <ul>
          {links().map(({ section, text }) => (
            <li key={section}>
              <a href={href(`/${section}`)} aria-current={section === current ? 'page' : undefined}>
                {text}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      {(can('ledger:read') || can('kigo:read') || can('deliveries:manage')) && (
        <Search value={route.query.get('q') ?? ''} />
      )}
      <div class="account">
        {session.name !== null && <bdi class="caller">{session.name}</bdi>}
        {session.token !== '' && (
          <button type="button" class="quiet" onClick={() => signOut()}>
            Sign out
          </button>
        )}
      </div>
    </header>
  );
}

/** The hash is the route, so the link moves the focus itself. */
function skipToMain(event: Event): void {
  event.preventDefault();
  document.querySelector<HTMLElement>('#main')?.focus();
}

/** One field for everything that has an id. */
function Search({ value }: { readonly value: string }) {
  return (
    <form class="search" role="search" onSubmit={search}>
      <input
        name="q"
        type="search"
        aria-label="User, transaction, entry or delivery"
        placeholder="User, transaction, entry or delivery"
        // It keeps the focus, and what is typed, until the route has another value.
        value={value}
        autoComplete="off"
        spellcheck={false}
      />
    </form>
  );
}

function search(event: SubmitEvent): void {
  event.preventDefault();
  const q = (new FormData(event.currentTarget as HTMLFormElement).get('q') as string).trim();
  if (q !== '') navigate(href('/search', { q }));
}
