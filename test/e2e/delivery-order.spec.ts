import type { CallbackReceiver } from '../support/callback-receiver.js';
import { startCallbackReceiver } from '../support/callback-receiver.js';
import { consumer, parseEvent } from '../support/consumer.js';
import { DeliveryView } from '../support/deliveries.js';
import { redemption, startKiipGateway } from '../support/kiip.js';
import type { KiipGateway } from '../support/kiip.js';
import { until } from '../support/wait-for.js';

describe('events of several users, where the first one fails', () => {
  let ordered: CallbackReceiver;
  let free: CallbackReceiver;
  let gateway: KiipGateway;
  let view: DeliveryView;
  /** What each event is called here, by its id. */
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
    // Of this event alone, and for longer than a test takes.
    for (const wallet of [ordered, free]) wallet.answer({ status: 400, headers: { 'retry-after': '3600' } });
    for (const name of ['a1', 'a2', 'b1', 'a3', 'b2', 'c1'])
      names.set(await view.record(redemption({ user_id: `user-${name[0]}` })), name);
  });
  afterAll(async () => {
    await gateway.close();
    await ordered.close();
    await free.close();
  });

  it('wait behind it where order matters, and only those of the same user', async () => {
    await until('all others have arrived', () => ordered.received.length >= 4);
    expect(order(ordered).slice(0, 4)).toEqual(['a1', 'b1', 'b2', 'c1']);
    const waiting = await view.list('?consumer=ordered&status=pending');
    expect(waiting.map(({ issuance_id, attempts }) => [names.get(issuance_id), attempts])).toEqual([
      ['a1', 1],
      ['a2', 0],
      ['a3', 0],
    ]);
  });

  it('do not wait where it does not', async () => {
    await until('all others have arrived', () => free.received.length >= 6);
    expect(order(free).slice(0, 6).toSorted()).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'c1']);
  });

  it('follow it in their order', async () => {
    // Those that are due first are none that may go first.
    await view.query(
      `update deliveries set next_attempt_at = now() - id * interval '1 second' where status = 'pending'`,
    );
    await view.waitFor('all have arrived', (items) => items.every(({ status }) => status === 'delivered'));
    expect(order(ordered)).toEqual(['a1', 'b1', 'b2', 'c1', 'a1', 'a2', 'a3']);
    expect(ordered.maxOpen()).toBeLessThanOrEqual(8);
  });

  it('keep it in a replay, also at full width', async () => {
    ordered.reset();
    const window = { from: '2020-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' };
    const response = await gateway.post('/api/v1/deliveries/replays', { consumer: 'ordered', ...window });
    expect(response.status).toBe(202);
    await until('all have arrived again', () => ordered.received.length >= 6);
    const again = order(ordered);
    for (const user of ['a', 'b']) {
      const theirs = again.filter((name) => name.startsWith(user));
      expect(theirs).toEqual(theirs.toSorted());
    }
    expect(again.toSorted()).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'c1']);
  });
});
