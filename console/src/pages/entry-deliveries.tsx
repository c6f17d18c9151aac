import type { Schemas } from '../api.js';
import { Empty } from '../parts/empty.js';
import { Id } from '../parts/id.js';
import { Panel } from '../parts/panel.js';
import { Retry } from '../parts/retry.js';
import { Status } from '../parts/status.js';
import { href, segment } from '../router.js';
import { can } from '../session.js';
import { outcomeOf } from './entry-steps.js';

type History = Schemas['IssuanceHistory'];

/** Why an entry has no deliveries. */
const NO_DELIVERIES: Record<History['status'], string> = {
  recorded: 'None yet. Entries that are accepted while no consumer is configured wait for the first one.',
  released: 'None yet. Entries that are accepted while no consumer is configured wait for the first one.',
  quarantined: 'None: it is delivered after it is released.',
  discarded: 'None: a discarded entry is never delivered.',
};

export function EntryDeliveries({ entry, onDone }: { readonly entry: History; readonly onDone: () => void }) {
  const { deliveries, status } = entry;
  return (
    <Panel title="Deliveries">
      {deliveries.length === 0 && <Empty>{NO_DELIVERIES[status]}</Empty>}
      {deliveries.map((delivery) => {
        const { id, consumer } = delivery;
        const page = can('deliveries:manage') && { href: href(`/deliveries/${segment(id)}`) };
        return (
          <div key={id} class="entry-delivery">
            <p>
              <Status value={delivery.status} /> <Id value={consumer} {...page} />
            </p>
            <p class="hint">
              {outcomeOf(entry, delivery)} · <Id value={id} copy="Copy the delivery id" />
            </p>
            {can('deliveries:manage') && <Retry delivery={delivery} onDone={onDone} />}
          </div>
        );
      })}
    </Panel>
  );
}
