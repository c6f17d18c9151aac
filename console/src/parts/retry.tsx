import { gateway } from '../api.js';
import type { Schemas } from '../api.js';
import { Ask } from './ask.js';

type Delivery = Schemas['Delivery'];

const CONSEQUENCES: Record<Delivery['status'], string> = {
  pending: 'It is sent now, and again after that if the consumer does not accept it.',
  delivered: 'The consumer has accepted it already, and gets it again under the same webhook-id.',
  dead: 'It is sent now, and for three more days if the consumer does not accept it.',
};

/** Sends a delivery now. */
export function Retry(props: { readonly delivery: Delivery; readonly onDone: (after: Delivery) => void }) {
  const { delivery, onDone } = props;
  const { id, consumer, status } = delivery;
  const retry = async (reason: string | undefined) => {
    onDone(await gateway().retryDelivery({ id, body: { reason } }));
  };
  return (
    <Ask
      action="Retry"
      title={`Retry ${id} to ${consumer}?`}
      label={`Retry ${id}`}
      reason="optional"
      onConfirm={retry}
    >
      <p>
        {CONSEQUENCES[status]} It ends a pause after a 410. If somebody has paused the consumer, it waits.
      </p>
    </Ask>
  );
}
