import type { Schemas } from '../api.js';
import { Panel } from '../parts/panel.js';
import { explainReason } from '../quarantine-reasons.js';
import { can } from '../session.js';
import { isUndecided, useDecisions } from '../use-decisions.js';
import type { Decision } from '../use-decisions.js';
import { DecideButton } from './decide-button.js';
import { Result } from './decision-results.js';
import { Readings } from './readings.js';
import './quarantine.css';

type History = Schemas['IssuanceHistory'];

/** What is wrong with a quarantined entry, and the buttons that decide. It stays when somebody else decides meanwhile. */
export function EntryDecision({ entry, onDone }: { readonly entry: History; readonly onDone: () => void }) {
  const { results, decide } = useDecisions();
  const { title, meaning, check } = explainReason(entry.reason ?? '');
  const isOpen = entry.status === 'quarantined';
  const result = results.get(entry.id);
  const isDecided = !isOpen || !isUndecided(result);
  const onDecide = async (_: unknown, decision: Decision, reason?: string) => {
    await decide([entry.id], decision, reason);
    onDone();
  };
  const button = { entries: [entry], onDecide };
  return (
    <Panel title={isOpen ? 'Waits for a decision' : 'Decision'}>
      <div role="status">{isOpen ? <Result result={result} /> : decisionOn(entry)}</div>
      {isOpen && (
        <>
          <div class="note warn">
            <p>
              <strong>{title}.</strong> {meaning}
            </p>
            <p>{check}</p>
          </div>
          <Readings entry={entry} />
        </>
      )}
      {can('ledger:decide') ? (
        <div class="actions">
          <DecideButton {...button} decision="release" disabled={isDecided || entry.quantity === null} />
          <DecideButton {...button} decision="discard" disabled={isDecided} />
        </div>
      ) : (
        isOpen && <p class="hint">Somebody whose credential has ledger:decide can release or discard it.</p>
      )}
    </Panel>
  );
}

function decisionOn({ status, verification: { decided_by: by } }: History) {
  return (
    <>
      {status === 'recorded' ? 'The gateway has accepted it' : `It has been ${status}`}
      {by !== null && (
        <>
          {' '}
          by <bdi>{by}</bdi>
        </>
      )}
      .
    </>
  );
}
