import { runCommand } from '../support/commands.js';
import { DEFAULTS, content, redemption } from '../support/kiip.js';
import { fieldsOf, startPromiseWorld } from '../support/promise-world.js';

describe('npm run kiip:reevaluate', () => {
  it('records the quarantined callbacks that the configuration allows now, once, and no others', async () => {
    const gems = JSON.stringify({ gems: { name: 'Gems' } });
    const world = await startPromiseWorld({ KIIP_CURRENCIES: gems });
    try {
      const genuine = redemption(fieldsOf(await world.reward('late')));
      const forged = { ...genuine, quantity: 2, user_id: `0${String(genuine['user_id'])}` };
      const discarded = redemption(fieldsOf(await world.reward('late')));
      const unknown = redemption({ user_id: String(genuine['user_id']) });
      const ids: string[] = [];
      for (const fields of [genuine, forged, discarded, unknown]) {
        const { status, id } = await world.send(fields);
        expect(status).toBe('quarantined');
        ids.push(id);
      }
      expect(await world.decide(ids[2]!, 'discard')).toBe(200);

      const env = { ...DEFAULTS, ...world.database.env };
      const coins = JSON.stringify({ [content]: { name: 'Coins', quantities: [20, 50] } });
      const first = await runCommand('kiip-reevaluate', { ...env, KIIP_CURRENCIES: coins });
      expect([first.code, JSON.parse(first.output)]).toEqual([0, { recorded: 1, quarantined: 2 }]);
      const again = await runCommand('kiip-reevaluate', { ...env, KIIP_CURRENCIES: coins });
      expect(JSON.parse(again.output)).toEqual({ recorded: 0, quarantined: 2 });
      expect(await world.balanceOf('late')).toBe(20);
      expect(await Promise.all(ids.map((id) => world.reasonOf(id)))).toEqual([
        'null',
        'promised-to-another-user: user_id',
        'currency: content',
        'unknown-reward',
      ]);

      const accepting = { ...env, KIIP_CURRENCIES: coins, KIIP_UNKNOWN_REWARDS: 'accept' };
      const last = await runCommand('kiip-reevaluate', accepting);
      expect(JSON.parse(last.output)).toEqual({ recorded: 1, quarantined: 1 });
      expect(await world.database.query('select ledger_id from delivery_outbox order by ledger_id')).toEqual(
        [ids[0], ids[3]].map((ledger_id) => ({ ledger_id })),
      );
    } finally {
      await world.close();
    }
  });

  it('does not mistake a quantity that may begin in the name for a listed one', async () => {
    const world = await startPromiseWorld({
      KIIP_CURRENCIES: JSON.stringify({ [content]: { name: 'Coins', quantities: [20, 50] } }),
    });
    try {
      const reward = await world.reward('exact');
      expect((await world.send(redemption({ ...fieldsOf(reward), quantity: 30 }))).status).toBe(
        'quarantined',
      );
      expect((await world.send(redemption(fieldsOf(reward)))).status).toBe('recorded');
    } finally {
      await world.close();
    }
  });
});
