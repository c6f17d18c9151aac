import { issuance, redemption } from '../support/kiip.js';
import type { Fields } from '../support/kiip.js';
import { seededRandom } from '../support/random.js';
import { scale } from '../support/scale.js';
import { fieldsOf, startPromiseWorld } from '../support/promise-world.js';
import type { PromiseWorld } from '../support/promise-world.js';
import { everyCut, textOfCut } from '../unit/kiip-callbacks/every-cut.js';
import type { Cut } from '../unit/kiip-callbacks/every-cut.js';

const CURRENCIES = [
  { currencyContent: '7f3c2a10-0b1d-4c5e-8a9b-1234567890ab', currencyName: 'Gold1' },
  { currencyContent: 'season3', currencyName: 'Gold' },
  { currencyContent: 'coins', currencyName: 'coins' },
];
const ORDERS = ['first', 'last', 'among the others'] as const;

describe.each(['opaque', 'plain'])('with every cut of genuine callbacks and %s user ids', (userReference) => {
  let world: PromiseWorld;

  beforeAll(async () => {
    world = await startPromiseWorld({ KIIP_USER_REFERENCE: userReference });
    world.kiip.configure({ virtualValue: true });
  });
  afterAll(() => world.close());

  it.each(CURRENCIES.flatMap((currency, index) => ORDERS.map((order) => [currency, order, index] as const)))(
    'credits the user with the quantity that was promised, once: %j %s',
    async (currency, order, index) => {
      const random = seededRandom(index + 1);
      world.kiip.configure(currency);
      // Numbers, and ids that begin with the end of others.
      const users = ['1', '01', '201', 'alice', '0alice'].map((user) => `${user}${index}${order.charAt(0)}`);
      for (const user of users) {
        const fields = fieldsOf(await world.reward(user));
        const { name: _, ...others } = fields;
        const scheme = random() < 0.5 ? 'redemption' : 'issuance';
        const genuine = scheme === 'redemption' ? redemption(fields) : issuance(others);
        const text = textOfCut({ scheme, fields: genuine as unknown as Cut['fields'] });
        const signature = genuine['signature']!;
        // Its own transaction is the only one in it.
        const cuts: Fields[] = [...everyCut(text, [String(fields['transaction_id'])])]
          .filter((cut) => cut.scheme !== 'legacy-redemption')
          .map((cut) => ({ ...(cut.fields as unknown as Fields), signature }));
        const forged = cuts.filter(() => random() * cuts.length < scale(8, 300));
        const middle =
          order === 'among the others'
            ? Math.floor(forged.length / 2)
            : order === 'first'
              ? 0
              : forged.length;
        const inOrder = [...forged.slice(0, middle), genuine, ...forged.slice(middle)];
        if (order === 'among the others') await Promise.all(inOrder.map((each) => world.send(each)));
        else for (const each of inOrder) await world.send(each);
      }
      const balances = await Promise.all(users.map((user) => world.balanceOf(user)));
      expect(balances).toEqual(users.map(() => 20));
      const accepted = await world.database.query(
        `select user_id, quantity from ledger where status in ('recorded', 'released')`,
      );
      expect(accepted.filter(({ quantity }) => quantity !== 20)).toEqual([]);
    },
  );
});
