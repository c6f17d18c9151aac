import { useErrorBoundary } from 'preact/hooks';
import { consoleConfig } from './config.js';
import { Header } from './header.js';
import { SignIn } from './sign-in.js';
import { useRoute } from './router.js';
import type { Route } from './router.js';
import { restoreSession, useSession } from './session.js';
import { Empty } from './parts/empty.js';
import { Page } from './parts/page.js';
import { ProblemNote } from './parts/problem.js';
import { DeliveriesPage } from './pages/deliveries.js';
import { DeliveryPage } from './pages/delivery.js';
import { EntriesPage } from './pages/entries.js';
import { EntryPage } from './pages/entry.js';
import { OverviewPage } from './pages/overview.js';
import { PlayPage } from './pages/play.js';
import { QuarantinePage } from './pages/quarantine.js';
import { ReplayPage } from './pages/replay.js';
import { ReplaysPage } from './pages/replays.js';
import { SearchPage } from './pages/search.js';
import { UserPage } from './pages/user.js';

export function App() {
  const state = useSession();
  const route = useRoute();
  if (state.kind === 'out') return <SignIn message={state.message} />;
  if (state.kind === 'checking')
    return (
      <p class="starting" role="status">
        Loading…
      </p>
    );
  if (state.kind === 'failed')
    return (
      <main>
        <ProblemNote error={state.error} retry={() => void restoreSession()} />
      </main>
    );
  return (
    <>
      <Header session={state.session} route={route} />
      <main id="main" tabIndex={-1}>
        <Routed key={route.path.join('/')} route={route} />
      </main>
    </>
  );
}

/** The page of a route. A page gets its own id; what is in the query it reads itself. */
function Routed({ route: { path } }: { readonly route: Route }) {
  const [error, reset] = useErrorBoundary();
  if (error !== undefined) return <ProblemNote error={error} retry={reset} />;
  const [section = '', id] = path;
  if (section === '') return <OverviewPage />;
  if (section === 'search') return <SearchPage />;
  if (section === 'users' && id !== undefined) return <UserPage id={id} />;
  if (section === 'entries') return id === undefined ? <EntriesPage /> : <EntryPage id={id} />;
  if (section === 'quarantine') return <QuarantinePage />;
  if (section === 'deliveries') return id === undefined ? <DeliveriesPage /> : <DeliveryPage id={id} />;
  if (section === 'replays')
    return id === undefined || id === 'new' ? <ReplaysPage /> : <ReplayPage id={id} />;
  if (section === 'play' && consoleConfig().sandbox) return <PlayPage />;
  return (
    <Page title="Not found">
      <Empty>There is no such page. Choose one above.</Empty>
    </Page>
  );
}
