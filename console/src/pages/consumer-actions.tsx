import { gateway } from '../api.js';
import type { Schemas } from '../api.js';
import { Ask } from '../parts/ask.js';

/** The gateway waits for an answer for 10 s. */
const TEST_DEADLINE_MS = 12_000;

/** What a consumer answered to a test event. */
export interface Test {
  readonly consumer: string;
  readonly result: Schemas['TestResult'];
}

/** Pause, resume and test, each after a question. */
export function ConsumerActions(props: {
  readonly consumer: Schemas['Consumer'];
  readonly onChange: () => void;
  readonly onTest: (test: Test) => void;
}) {
  const {
    consumer: { name, paused },
    onChange,
    onTest,
  } = props;
  const change = (action: 'pauseConsumer' | 'resumeConsumer') => async (reason: string | undefined) => {
    await gateway().call(action, { name, body: { reason } });
    onChange();
  };
  const test = async () => {
    const result = await gateway().testConsumer({ name }, { deadlineMs: TEST_DEADLINE_MS });
    onTest({ consumer: name, result });
  };
  return (
    <div class="actions">
      {paused ? (
        <Ask
          key="resume"
          action="Resume"
          title={`Resume the deliveries to ${name}?`}
          label={`Resume ${name}`}
          reason="optional"
          onConfirm={change('resumeConsumer')}
        >
          <p>All that is pending is sent then, and its replays continue.</p>
        </Ask>
      ) : (
        <Ask
          key="pause"
          action="Pause"
          title={`Pause the deliveries to ${name}?`}
          label={`Pause ${name}`}
          reason="optional"
          danger
          onConfirm={change('pauseConsumer')}
        >
          <p>
            Its deliveries and replays wait until somebody resumes it, in every replica. Nothing is lost. The
            three days of a delivery that has failed before go on.
          </p>
        </Ask>
      )}
      <Ask
        action="Send a test"
        title={`Send a test event to ${name}?`}
        label={`Send a test to ${name}`}
        onConfirm={test}
      >
        <p>
          One signed event of the type <code>gateway.test</code>, also while it is paused. It is stored
          nowhere. The answer takes at most 10 s.
        </p>
      </Ask>
    </div>
  );
}
