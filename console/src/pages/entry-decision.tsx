import { gateway } from '../api.js';
import type { Schemas } from '../api.js';
import { Ask } from '../parts/ask.js';
import { Panel } from '../parts/panel.js';
import { explainReason } from '../quarantine-reasons.js';
import { Readings } from './readings.js';
import { can } from '../session.js';
import './quarantine.css';

/** What is wrong with a quarantined entry, and the buttons that decide. */
export function EntryDecision(props: {
  readonly entry: Schemas['IssuanceHistory'];
  /** What it is about, in a few words. */
  readonly title: string;
  readonly onDone: () => void;
}) {
  const { entry, onDone } = props;
  const { title, meaning, check } = explainReason(entry.reason ?? '');
  const decide = (decision: 'releaseIssuance' | 'discardIssuance') => async (reason: string | undefined) => {
    await gateway()[decision]({ id: entry.id, body: { reason } });
    onDone();
  };
  return (
    <Panel title="Waits for a decision">
      <div class="note warn">
        <p>
          <strong>{title}.</strong> {meaning}
        </p>
        <p>{check}</p>
      </div>
      <Readings entry={entry} />
      {can('ledger:decide') ? (
        <div class="actions">
          <Ask
            action="Release"
            title="Release this entry?"
            reason="optional"
            disabled={entry.quantity === null}
            onConfirm={decide('releaseIssuance')}
          >
            <p>{props.title}: the balance includes it, and every consumer gets it. That is final.</p>
          </Ask>
          <Ask
            action="Discard"
            title="Discard this entry?"
            reason="optional"
            danger
            onConfirm={decide('discardIssuance')}
          >
            <p>{props.title}: it is never counted or delivered. That is final.</p>
          </Ask>
        </div>
      ) : (
        <p class="hint">Somebody whose credential has ledger:decide can release or discard it.</p>
      )}
    </Panel>
  );
}
