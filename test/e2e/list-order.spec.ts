import { consumer } from '../support/consumer.js';
import { Inbox } from '../support/inbox.js';
import { issuance, redemption, startKiipGateway, transaction } from '../support/kiip.js';
import type { KiipGateway } from '../support/kiip.js';
import { waitFor } from '../support/wait-for.js';

interface Page {
  readonly items: readonly { readonly id: string }[];
  readonly next: string;
}

const shared = transaction();
let inbox: Inbox;
let gateway: KiipGateway;
/** In the order in which they were received. */
let entries: string[];

async function pageOf(path: string): Promise<Page> {
  const response = await gateway.get(path);
  expect([path, response.status]).toEqual([path, 200]);
  return (await response.json()) as Page;
}

/** The ids of all pages of two, of which the last one alone has less. */
async function readAll(path: string): Promise<string[]> {
  const ids: string[] = [];
  for (let after = ''; ;) {
    const { items, next } = await pageOf(`${path}&limit=2${after}`);
    ids.push(...items.map(({ id }) => id));
    if (items.length < 2) return ids;
    after = `&after=${next}`;
  }
}

beforeAll(async () => {
  inbox = await Inbox.open();
  gateway = await startKiipGateway({
    DELIVERY_CONSUMERS: JSON.stringify([
      consumer(inbox.url(), { name: 'wallet' }),
      consumer(inbox.url(), { name: 'shop' }),
    ]),
  });
  const callbacks = [
    redemption({ transaction_id: shared }),
    redemption({ user_id: 'other' }),
    redemption({ quantity: 'many' }),
    issuance({ transaction_id: shared }),
    issuance({ transaction_id: shared, nonce: 'n-0002', quantity: 'many' }),
    redemption(),
    redemption({ transaction_id: 'not an id' }),
  ];
  entries = [];
  for (const callback of callbacks) entries.push(String((await gateway.callback(callback)).body['id']));
  await waitFor('all are delivered', async () => {
    const { items } = await pageOf('/api/v1/deliveries?status=delivered');
    return items.length === 8;
  });
});
afterAll(async () => {
  await gateway.close();
  await inbox.close();
});

const of = (...numbers: number[]) => numbers.map((number) => entries[number]);

describe('GET /api/v1/kiip/issuances', () => {
  it.each([
    ['', [0, 1, 2, 3, 4, 5, 6]],
    ['&status=recorded', [0, 1, 3, 5]],
    ['&user_id=user-123', [0, 2, 3, 4, 5, 6]],
    ['&user_id=user-123&status=quarantined', [2, 4, 6]],
    ['&transaction_id=SHARED', [0, 3, 4]],
    ['&transaction_id=SHARED&status=recorded&user_id=user-123', [0, 3]],
    ['&transaction_id=SHARED&user_id=other', []],
    ['&transaction_id=not%20an%20id', [6]],
    ['&transaction_id=unknown', []],
  ])('has the entries of "%s" in both orders', async (filter, numbers) => {
    const path = `/api/v1/kiip/issuances?${filter.slice(1).replace('SHARED', shared)}`;
    expect(await readAll(path)).toEqual(of(...numbers));
    expect(await readAll(`${path}&order=desc`)).toEqual(of(...numbers.toReversed()));
  });

  it('goes on after an empty page in descending order', async () => {
    const none = await pageOf('/api/v1/kiip/issuances?order=desc&transaction_id=unknown');
    const { items } = await pageOf(`/api/v1/kiip/issuances?order=desc&after=${none.next}`);
    expect(items.map(({ id }) => id)).toEqual(of(6, 5, 4, 3, 2, 1, 0));
  });

  it('has no more behind the oldest entry, and knows a cursor from before a restore', async () => {
    const path = '/api/v1/kiip/issuances?order=desc';
    const { next } = await pageOf(path);
    expect(await pageOf(`${path}&after=${next}`)).toEqual({ items: [], next });
    const lost = Buffer.from('feed:3:00000000').toString('base64url');
    expect((await gateway.get(`${path}&after=${lost}`)).status).toBe(410);
  });
});

async function deliveriesOf(query: string) {
  const { items } = await pageOf(`/api/v1/deliveries?${query}`);
  return items as unknown as { readonly issuance_id: string; readonly consumer: string }[];
}

describe('GET /api/v1/deliveries', () => {
  it('has the same deliveries in both orders, with each filter', async () => {
    const counts = {
      '': 8,
      'consumer=shop': 4,
      'status=delivered': 8,
      'consumer=wallet&status=delivered': 4,
      [`issuance_id=${entries[0]}`]: 2,
    };
    for (const [filter, count] of Object.entries(counts)) {
      const path = `/api/v1/deliveries?${filter}`;
      const ids = await readAll(path);
      expect([filter, ids.length]).toEqual([filter, count]);
      expect(await readAll(`${path}&order=desc`)).toEqual(ids.toReversed());
    }
  });

  it('has those of one entry', async () => {
    const all = await deliveriesOf(`issuance_id=${entries[0]}&order=desc`);
    expect(all.map(({ consumer: name }) => name).toSorted()).toEqual(['shop', 'wallet']);
    expect(new Set(all.map(({ issuance_id }) => issuance_id))).toEqual(new Set([entries[0]]));
    expect(await deliveriesOf(`issuance_id=${entries[0]}&consumer=shop&status=delivered`)).toHaveLength(1);
    expect(await deliveriesOf(`issuance_id=${entries[0]}&status=dead`)).toEqual([]);
    expect(await deliveriesOf(`issuance_id=${entries[2]}`)).toEqual([]);
  });

  it('has no more behind the oldest delivery', async () => {
    const { next } = await pageOf('/api/v1/deliveries?order=desc');
    expect(await pageOf(`/api/v1/deliveries?order=desc&after=${next}`)).toEqual({ items: [], next });
    expect(await pageOf('/api/v1/deliveries?order=desc&consumer=nobody')).toEqual({
      items: [],
      next: 'dlv_0',
    });
  });
});

it.each(['issuances', 'deliveries'])('%s refuses another order', async (list) => {
  const path = list === 'issuances' ? '/api/v1/kiip/issuances' : '/api/v1/deliveries';
  const response = await gateway.get(`${path}?order=newest`);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ errors: [{ pointer: '/order' }] });
});
