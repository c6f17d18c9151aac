import { DEMO_KEY } from '../config.js';
import { Copy } from '../parts/copy.js';
import { Empty } from '../parts/empty.js';
import { Panel } from '../parts/panel.js';
import { Status } from '../parts/status.js';
import { Time } from '../parts/time.js';
import { href, segment } from '../router.js';
import { outcomeOf } from './play-log.js';
import type { Line } from './play-log.js';

/** All calls, newest first: who called whom, what was sent and what came back. */
export function LogPanel({ lines }: { readonly lines: readonly Line[] }) {
  return (
    <Panel title="What happens">
      <p class="hint">
        In the curl commands, $API_KEY is your credential. For the demo key:{' '}
        <code>export API_KEY={DEMO_KEY}</code>
      </p>
      {lines.length === 0 ? (
        <Empty>Nothing yet. Each call appears here, with its answer and its curl command.</Empty>
      ) : (
        <ol
          class="lines"
          tabIndex={0}
          aria-label="Calls, newest first"
          aria-live="polite"
          aria-relevant="additions"
        >
          {lines.map((line) => (
            <LogLine key={line.key} line={line} />
          ))}
        </ol>
      )}
    </Panel>
  );
}

function LogLine({ line }: { readonly line: Line }) {
  const { status, entry } = outcomeOf(line);
  const isGood = line.status !== undefined && line.status < 400;
  return (
    <li>
      <details>
        <summary>
          <span class="way">{line.way}</span>{' '}
          <strong>
            <bdi>{line.text}</bdi>
          </strong>{' '}
          {line.count > 1 && `× ${line.count} `}
          <Status value={String(line.status ?? 'no answer')} tone={isGood ? 'good' : 'bad'} />{' '}
          {status !== undefined && <Status value={status} />}
        </summary>
        <pre tabIndex={0}>
          <bdi>{line.sent}</bdi>
        </pre>
        <pre tabIndex={0}>
          <bdi>{readable(line.answer)}</bdi>
        </pre>
      </details>
      <div class="line-links">
        <Time at={new Date(line.at).toISOString()} />
        {entry !== undefined && <a href={href(`/entries/${segment(entry)}`)}>Entry</a>}
        {status === 'quarantined' && <a href={href('/quarantine')}>Quarantine</a>}
        {line.curl !== undefined && (
          <span>
            curl <Copy text={line.curl} label={`Copy the curl command: ${line.text}`} />
          </span>
        )}
      </div>
    </li>
  );
}

function readable(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
