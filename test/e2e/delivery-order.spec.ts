import type { CallbackReceiver } from '../support/callback-receiver.js';
import { startCallbackReceiver } from '../support/callback-receiver.js';
import { consumer, parseEvent } from '../support/consumer.js';
import { DeliveryView } from '../support/deliveries.js';
import { redemption, startKiipGateway } from '../support/kiip.js';
import type { KiipGateway } from '../support/kiip.js';
import { waitFor } from '../support/wait-for.js';

describe('delivery order when the first event of a user fails', () => {
  let ordered: CallbackReceiver;
  let free: CallbackReceiver;
  let gateway: KiipGateway;
  let view: DeliveryView;
  /** A short name for each event, by its id. */
  const names = new Map<string, string>();
  const order = ({ received }: CallbackReceiver) =>
    received.map((call) => names.get(parseEvent(call).id) ?? 'none');

  beforeAll(async () => {
    ordered = await startCallbackReceiver();
    free = await startCallbackReceiver();
    gateway = await startKiipGateway({
      DELIVERY_CONSUMERS: JSON.stringify([
        consumer(ordered.url, { name: 'ordered', order_by: 'user_id' }),
        consumer(free.url, { name: 'free' }),
      ]),
      SHUTDOWN_GRACE_SECONDS: '2',
    });
    view = new DeliveryView(gateway);
    // Postpones this event only, for longer than the tests run.
    for (const wallet of [ordered, free]) wallet.answer({ status: 400, headers: { 'retry-after': '3600' } });
    for (const name of ['a1', 'a2', 'b1', 'a3', 'b2', 'c1'])
      names.set(await view.record(redemption({ user_id: `user-${name[0]}` })), name);
  });
  afterAll(async () => {
    await gateway.close();
    await ordered.close();
    await free.close();
  });

  it('holds back later events of the same user for a consumer with order_by, and no others', async () => {
    await waitFor('all other events', () => ordered.received.length >= 4);
    expect(order(ordered).slice(0, 4).toSorted()).toEqual(['a1', 'b1', 'b2', 'c1']);
    expect(order(ordered).filter((name) => name.startsWith('b'))).toEqual(['b1', 'b2']);
    // A result is stored after the response.
    await view.waitFor(
      'the others are settled',
      ({ length }) => length === 3,
      '?consumer=ordered&status=pending',
    );
    const waiting = await view.list('?consumer=ordered&status=pending');
    expect(waiting.map(({ issuance_id, attempts }) => [names.get(issuance_id), attempts])).toEqual([
      ['a1', 1],
      ['a2', 0],
      ['a3', 0],
    ]);
  });

  it('holds back no event for a consumer without order_by', async () => {
    await waitFor('all other events', () => free.received.length >= 6);
    expect(order(free).slice(0, 6).toSorted()).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'c1']);
  });

  it('sends the events that were held back in order after the first one is delivered', async () => {
    // The deliveries that are due first are not the ones that may be sent first.
    await view.query(
      `update deliveries set next_attempt_at = now() - id * interval '1 second' where status = 'pending'`,
    );
    await view.waitFor('all events are delivered', (items) =>
      items.every(({ status }) => status === 'delivered'),
    );
    expect(order(ordered).slice(4)).toEqual(['a1', 'a2', 'a3']);
    expect(ordered.maxOpen()).toBeLessThanOrEqual(8);
  });

  it('keeps the order in a replay, also at full concurrency', async () => {
    ordered.reset();
    const window = { from: '2020-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' };
    const response = await gateway.post('/api/v1/deliveries/replays', { consumer: 'ordered', ...window });
    expect(response.status).toBe(202);
    await waitFor('all events a second time', () => ordered.received.length >= 6);
    const replayed = order(ordered);
    for (const user of ['a', 'b']) {
      const ofUser = replayed.filter((name) => name.startsWith(user));
      expect(ofUser).toEqual(ofUser.toSorted());
    }
    expect(replayed.toSorted()).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'c1']);
  });
});
