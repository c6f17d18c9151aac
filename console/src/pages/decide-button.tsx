import type { Schemas } from '../api.js';
import { count, isolated } from '../format.js';
import type { Decision } from '../use-decisions.js';
import { Ask } from '../parts/ask.js';

type Entry = Schemas['Issuance'];

/** More entries are counted. */
const LISTED = 10;

const QUESTIONS = {
  release: {
    action: 'Release',
    text: 'Balances will include what is released, and consumers get it.',
  },
  discard: {
    action: 'Discard',
    text: 'What is discarded stays in the ledger, counts in no balance and is never delivered.',
  },
} as const;

/** Asks before it releases or discards entries. */
export function DecideButton(props: {
  readonly entries: readonly Entry[];
  readonly decision: Decision;
  readonly disabled?: boolean;
  readonly onDecide: (entries: readonly Entry[], decision: Decision, reason?: string) => Promise<void>;
}) {
  const { entries, decision, disabled, onDecide } = props;
  const { action, text } = QUESTIONS[decision];
  const [first] = entries;
  const what = entries.length === 1 && first ? labelOf(first) : `${count(entries.length)} entries`;
  return (
    <Ask
      action={action}
      title={`${action} ${what}?`}
      label={`${action} ${what}`}
      reason="optional"
      danger={decision === 'discard'}
      disabled={disabled === true || entries.length === 0}
      // Each row shows its own result.
      onConfirm={async (reason) => void onDecide(entries, decision, reason)}
    >
      {entries.length > 1 && <Batch entries={entries} />}
      <p>{text} This is final.</p>
      <p class="hint">The reason goes into the audit log, which is kept: name nobody in it.</p>
    </Ask>
  );
}

/** What is decided at once. */
function Batch({ entries }: { readonly entries: readonly Entry[] }) {
  const totals = new Map<string, number>();
  for (const { name, content, quantity } of entries) {
    const currency = name ?? content;
    totals.set(currency, (totals.get(currency) ?? 0) + (quantity ?? 0));
  }
  return (
    <>
      <ul class="plain-list">
        {entries.slice(0, LISTED).map((entry) => (
          <li key={entry.id}>{labelOf(entry)}</li>
        ))}
        {entries.length > LISTED && <li>and {count(entries.length - LISTED)} more</li>}
      </ul>
      <p>
        Together {[...totals].map(([currency, total]) => `${count(total)} ${isolated(currency)}`).join(', ')}.
        They are decided one after the other, while this page is open.
      </p>
    </>
  );
}

/** An entry in a sentence. */
export function labelOf({ quantity, name, user_id }: Entry): string {
  return `${quantity ?? 'no quantity'} ${isolated(name ?? '')} for ${isolated(user_id)}`;
}
