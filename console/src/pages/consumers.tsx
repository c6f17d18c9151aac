import { useState } from 'preact/hooks';
import type { Schemas } from '../api.js';
import { ConsumerActions } from './consumer-actions.js';
import type { Test } from './consumer-actions.js';
import { ConsumerState } from './consumer-state.js';
import { count } from '../format.js';
import { PauseText, useConsumers } from './pause.js';
import { href } from '../router.js';
import { Panel } from '../parts/panel.js';
import { ProblemNote } from '../parts/problem.js';
import { Table } from '../parts/table.js';

type Consumer = Schemas['Consumer'];

/** `pending` and `dead` are counted up to this. */
const MAX_COUNT = 10_000;

/** Each consumer with its queue, and what can be done with it. */
export function Consumers() {
  const { data, error, reload } = useConsumers();
  const [test, setTest] = useState<Test>();
  return (
    <Panel title="Consumers">
      <ProblemNote error={error} retry={reload} />
      {test && <TestNote {...test} />}
      {(data !== undefined || error === undefined) && (
        <Table
          caption="Consumers"
          columns={[
            { title: 'Consumer', cell: (consumer) => <Name consumer={consumer} /> },
            { title: 'State', cell: (consumer) => <State consumer={consumer} /> },
            {
              title: 'Pending',
              cell: ({ name, pending }) => <Count of={name} status="pending" value={pending} />,
              numeric: true,
            },
            {
              title: 'Dead',
              cell: ({ name, dead }) => <Count of={name} status="dead" value={dead} />,
              numeric: true,
            },
            {
              title: 'Actions',
              cell: (consumer) => <ConsumerActions consumer={consumer} onChange={reload} onTest={setTest} />,
            },
          ]}
          rows={data?.items}
          rowKey={({ name }) => name}
          empty="No consumer is configured. Entries wait for the first one in DELIVERY_CONSUMERS."
        />
      )}
    </Panel>
  );
}

function Name({ consumer: { name, origin } }: { readonly consumer: Consumer }) {
  return (
    <>
      <a href={href('/deliveries', { consumer: name })}>
        <bdi>{name}</bdi>
      </a>
      <br />
      <span class="hint">
        <bdi>{origin}</bdi>
      </span>
    </>
  );
}

function State({ consumer }: { readonly consumer: Consumer }) {
  return (
    <>
      <ConsumerState consumer={consumer} />
      {consumer.paused && (
        <p class="hint">
          <PauseText pause={consumer.paused} />
        </p>
      )}
    </>
  );
}

function Count(props: { readonly of: string; readonly status: string; readonly value: number }) {
  const { of: consumer, status, value } = props;
  const text = value >= MAX_COUNT ? `${count(MAX_COUNT)}+` : count(value);
  return (
    <a href={href('/deliveries', { consumer, status })} aria-label={`${text} ${status} to ${consumer}`}>
      {text}
    </a>
  );
}

function TestNote({ consumer, result: { accepted, status, outcome, duration_ms } }: Test) {
  return (
    <div class={`note ${accepted ? 'good' : 'bad'}`} role="status">
      <p>
        <bdi>{consumer}</bdi> {accepted ? 'accepted' : 'did not accept'} the test event after{' '}
        {count(duration_ms)} ms: {status === null ? 'no response' : `status ${status}`}, <bdi>{outcome}</bdi>
      </p>
    </div>
  );
}
