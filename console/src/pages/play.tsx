import { useState } from 'preact/hooks';
import { gateway } from '../api.js';
import { consoleConfig } from '../config.js';
import type { SandboxUrls } from '../config.js';
import { Facts } from '../parts/facts.js';
import { Page } from '../parts/page.js';
import { Panel } from '../parts/panel.js';
import { ProblemNote } from '../parts/problem.js';
import { Status } from '../parts/status.js';
import { href, segment } from '../router.js';
import { can } from '../session.js';
import { useStore } from '../store.js';
import { useLoad } from '../use-load.js';
import { lines, play, story, watch } from './play-log.js';
import { LogPanel } from './play-lines.js';
import { PARTIES, apiRequest, controlRequest, read, send } from './play-request.js';
import { BADGE_USER, STEPS, USER } from './play-steps.js';
import type { Step } from './play-steps.js';
import './play.css';

const EVERY_MS = 2_000;

/** The whole story with buttons, on the simulated vendors. */
export function PlayPage() {
  const live = useLoad(loadLive, [], EVERY_MS);
  const run = async (step: Pick<Step, 'text' | 'requests'>) => {
    await play(step);
    live.reload();
  };
  return (
    <Page title="Play">
      <p class="muted">
        Kigo, Kiip and the wallet are simulated. Press the buttons from top to bottom: some can be used once
        there is a reward, or a callback.
      </p>
      <ProblemNote error={live.error} />
      <section class="panel live" aria-label="Now">
        <Facts items={live.data?.facts ?? FACTS.map((name) => [name, '…'])} />
      </section>
      <div class="play">
        <div class="stack">
          <Panel title="The story">
            <ol class="steps">
              {STEPS.filter(({ scope }) => scope === undefined || can(scope)).map((step) => (
                <StepRow key={step.text} step={step} run={run} />
              ))}
            </ol>
          </Panel>
          <Panel title="Let something fail">
            <ul class="steps">
              {SWITCHES.map((party) => (
                <Switch key={party} party={party} isFailing={live.data?.failing[party]} run={run} />
              ))}
            </ul>
          </Panel>
        </div>
        <div class="stack">
          <RewardPanel />
          <LogPanel lines={useStore(lines)} />
        </div>
      </div>
    </Page>
  );
}

interface Running {
  readonly run: (step: Pick<Step, 'text' | 'requests'>) => Promise<void>;
}

function StepRow({ step, run }: Running & { readonly step: Step }) {
  const [isRunning, setRunning] = useState(false);
  const told = useStore(story);
  const isEarly = step.needs !== undefined && told[step.needs] === undefined;
  const start = async () => {
    setRunning(true);
    try {
      await run(step);
    } finally {
      setRunning(false);
    }
  };
  return (
    <li>
      <button type="button" disabled={isRunning || isEarly} onClick={() => void start()}>
        {step.text}
      </button>
      <p class="hint">{step.hint}</p>
    </li>
  );
}

/** Who can fail, and what to look at then. */
const HINTS = {
  kigo: 'The badge stays, marked as stale when its 10 s are over.',
  kiip: 'Levels get no reward. Callbacks arrive all the same.',
  wallet: 'Its events are kept, and sent again until it counts them.',
  redis: 'The cache is in memory meanwhile.',
};
type Switched = keyof typeof HINTS & keyof SandboxUrls;
const SWITCHES = Object.keys(HINTS) as Switched[];
const FAILURE = { kind: 'status', status: 500 };

function Switch({ party, isFailing, run }: Running & { party: Switched; isFailing: boolean | undefined }) {
  const name = PARTIES[party];
  if (consoleConfig().sandbox?.[party] === undefined)
    return (
      <li>
        <button type="button" disabled>
          Let {name} fail
        </button>
        <p class="hint">
          This sandbox has no Redis: the cache is in memory. Start it with one to see it fail:{' '}
          <code>SANDBOX_REDIS_URL=redis://127.0.0.1:6379 npm run sandbox</code>
        </p>
      </li>
    );
  const text = `Let ${party === 'wallet' ? 'the wallet' : name} ${isFailing ? 'recover' : 'fail'}`;
  const request = isFailing
    ? controlRequest(party, 'DELETE', '/faults')
    : controlRequest(party, 'POST', '/faults', FAILURE);
  return (
    <li>
      <button
        type="button"
        disabled={isFailing === undefined}
        onClick={() => void run({ text, requests: () => [request] })}
      >
        {text}
      </button>
      <p class="hint">
        {isFailing !== undefined && <Status value={isFailing ? 'down' : 'up'} />} {HINTS[party]}
      </p>
    </li>
  );
}

/** Nothing on the page moves when a reward appears. */
function RewardPanel() {
  const { reward } = useStore(story);
  return (
    <Panel title="The reward page">
      {reward ? (
        <iframe
          class="reward"
          title={reward.message ?? 'Reward'}
          sandbox="allow-scripts allow-forms allow-same-origin"
          referrerpolicy="no-referrer"
          src={reward.display_url}
        />
      ) : (
        <p class="reward empty">Finish a level: what Kiip shows to the user appears here.</p>
      )}
    </Panel>
  );
}

const FACTS = ['Badge of user123', `Ledger: ${USER}`, `Wallet: ${USER}`, 'Quarantined'];

/** What others see meanwhile. */
async function loadLive(signal: AbortSignal) {
  const query = new URLSearchParams({ user_id: USER }).toString();
  const [badge, ledger, wallet, quarantined, failing] = await Promise.all([
    can('kigo:read') ? badgeText(signal) : '–',
    can('ledger:read') ? gateway().getBalances({ user_id: USER }, { signal }) : undefined,
    read<{ balances: Balance[] }>('wallet', `/balances?${query}`, signal),
    can('ledger:read') ? gateway().listIssuances({ status: 'quarantined' }, { signal }) : undefined,
    readFailing(signal),
    watch(signal),
  ]);
  const values = [
    badge,
    <a href={href(`/users/${segment(USER)}`)}>{coins(ledger?.balances)}</a>,
    coins(wallet.balances),
    <a href={href('/quarantine')}>{quarantined ? quarantined.items.length : '–'}</a>,
  ];
  return { facts: FACTS.map((name, index) => [name, values[index]] as const), failing };
}

async function badgeText(signal: AbortSignal) {
  const { status, headers, text } = await send(apiRequest('getUnviewedCount', BADGE_USER), signal);
  if (status !== 200) return <Status value={String(status)} tone="bad" />;
  const isStale = headers.get('cache-status')?.includes('stale') ?? false;
  return (
    <>
      {(JSON.parse(text) as { count: number }).count} {isStale && <Status value="stale" />}
    </>
  );
}

interface Balance {
  readonly name: string | null;
  readonly content: string;
  readonly quantity: number;
}

function coins(balances: readonly Balance[] = []): string {
  if (balances.length === 0) return '0 Coins';
  return balances.map(({ quantity, name, content }) => `${quantity} ${name ?? content}`).join(', ');
}

async function readFailing(signal: AbortSignal): Promise<Partial<Record<Switched, boolean>>> {
  const parties = SWITCHES.filter((party) => consoleConfig().sandbox?.[party] !== undefined);
  const entries = parties.map(async (party) => {
    const { faults } = await read<{ faults: unknown[] }>(party, '/faults', signal);
    return [party, faults.length > 0] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}
