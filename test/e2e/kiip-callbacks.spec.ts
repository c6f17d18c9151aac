import { createHash } from 'node:crypto';
import { content, issuance, redemption, startKiipGateway, transaction } from '../support/kiip.js';
import type { Fields, KiipGateway } from '../support/kiip.js';

const T = '5473ca54-59a5-cf65-d319-c91697297fcc';

describe('a Kiip callback', () => {
  let gateway: KiipGateway;

  beforeAll(async () => {
    gateway = await startKiipGateway({ KIIP_APP_SECRETS: 'test_app_secret_0001,the-secret-before' });
  });

  afterAll(() => gateway.close());

  const rowsOf = async (user: string) =>
    (await gateway.read(`/issuances?user_id=${encodeURIComponent(user)}`)).items;
  const balanceOf = async (user: string) => {
    const { balances } = (await gateway.read(`/users/${encodeURIComponent(user)}/balances`)) as unknown as {
      balances: { quantity: number }[];
    };
    return balances.reduce((sum, { quantity }) => sum + quantity, 0);
  };

  it('that is valid and new is in the ledger once it is answered', async () => {
    const { status, body } = await gateway.form(redemption({ user_id: 'new-one', transaction_id: T }));
    expect([status, body['status']]).toEqual([200, 'recorded']);
    expect(await rowsOf('new-one')).toEqual([
      {
        id: body['id'],
        kind: 'redemption',
        status: 'recorded',
        reason: null,
        test: false,
        transaction_id: T,
        content,
        name: 'Coins',
        quantity: 20,
        user_id: 'new-one',
        nonce: null,
        origin: null,
        received_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      },
    ]);
    expect(await balanceOf('new-one')).toBe(20);
  });

  it.each<[string, (fields: Fields) => Promise<{ status: number; body: Record<string, unknown> }>, Fields]>([
    ['a redemption as a form', (fields) => gateway.form(fields), redemption()],
    ['a redemption as JSON', (fields) => gateway.callback(fields), redemption()],
    ['a redemption on its own route', (fields) => gateway.form(fields, '/redemptions'), redemption()],
    ['an issuance as JSON', (fields) => gateway.callback(fields), issuance()],
    ['an issuance as a form', (fields) => gateway.form(fields), issuance()],
    ['an issuance on its own route', (fields) => gateway.callback(fields, '/issuances'), issuance()],
    ['a quantity that is text', (fields) => gateway.callback(fields), redemption({ quantity: '20' })],
    ['unknown members', (fields) => gateway.callback({ ...fields, extra: [{ a: 1 }] }), redemption()],
    [
      'an upper-case signature',
      (fields) => gateway.callback({ ...fields, signature: String(fields['signature']).toUpperCase() }),
      redemption(),
    ],
    ['the secret before', (fields) => gateway.callback(fields), redemption({}, 'the-secret-before')],
    [
      'UTF-8 and a plus sign',
      (fields) => gateway.form(fields),
      redemption({ name: 'Münzen 金', user_id: 'user+1@example.com' }),
    ],
  ])('is recorded: %s', async (_, send, fields) => {
    const { status, body } = await send(fields);
    expect([status, body['status']]).toEqual([200, 'recorded']);
  });

  it('is a duplicate with the first id however often it comes again, in whatever form', async () => {
    const fields = redemption({ user_id: 'again' });
    const first = await gateway.callback(fields);
    const again = await Promise.all([
      ...Array.from({ length: 20 }, () => gateway.callback(fields)),
      gateway.form(fields),
      gateway.callback({ ...fields, signature: String(fields['signature']).toUpperCase() }),
    ]);
    for (const { status, body } of again)
      expect([status, body]).toEqual([200, { status: 'duplicate', id: first.body['id'] }]);
    expect(await balanceOf('again')).toBe(20);
    const { verification } = (await gateway.read(`/issuances/${String(first.body['id'])}`)) as unknown as {
      verification: Record<string, unknown>;
    };
    expect(verification).toMatchObject({
      scheme: 'redemption',
      secret_index: 1,
      quantity_text: '20',
      duplicates: 22,
    });
  });

  it('may be a redemption and issuances of one transaction', async () => {
    const transaction_id = transaction();
    const user_id = 'linked';
    const answers = [
      await gateway.form(redemption({ transaction_id, user_id })),
      await gateway.callback(issuance({ transaction_id, user_id })),
      await gateway.callback(issuance({ transaction_id, user_id, nonce: 'n-0002' })),
    ];
    expect(answers.map(({ body }) => body['status'])).toEqual(['recorded', 'recorded', 'recorded']);
    expect(await balanceOf('linked')).toBe(60);
  });

  it.each<[string, Fields, string]>([
    ['a quantity with a zero in front', redemption({ quantity: '020' }), 'field-shape: quantity'],
    ['a fraction', redemption({ quantity: '20.5' }), 'field-shape: quantity'],
    ['nothing', redemption({ quantity: 0 }), 'field-shape: quantity'],
    ['less than nothing', redemption({ quantity: -5 }), 'field-shape: quantity'],
    ['an empty quantity', redemption({ quantity: '' }), 'field-shape: quantity'],
    ['an odd transaction id', redemption({ transaction_id: 'abc' }), 'field-shape: transaction_id'],
    ['an empty user', redemption({ user_id: '' }), 'field-shape: user_id'],
  ])('that is signed but breaks a rule waits for a decision: %s', async (_, fields, reason) => {
    const { status, body } = await gateway.callback(fields);
    expect([status, body['status']]).toEqual([200, 'quarantined']);
    expect(await gateway.read(`/issuances/${String(body['id'])}`)).toMatchObject({
      status: 'quarantined',
      reason,
    });
  });

  it('is verified by the text of its numbers', async () => {
    const { signature: _, ...fields } = redemption({ quantity: '20.0' });
    const signature = createHash('sha1')
      .update(`${content}Coins20.0user-123${String(fields['transaction_id'])}test_app_secret_0001`)
      .digest('hex');
    const text = JSON.stringify({ ...fields, signature }).replace('"20.0"', '20.0');
    expect((await gateway.raw(text, 'application/json')).body).toMatchObject({ status: 'quarantined' });
    expect((await gateway.raw(text.replace('20.0', '20'), 'application/json')).status).toBe(401);
  });

  it.each<[string, Fields]>([
    ['a wrong one', redemption({ signature: '0'.repeat(40) })],
    ['an empty one', redemption({ signature: '' })],
    ['one by another secret', redemption({}, 'not-ours')],
    ['a short one', redemption({ signature: 'abc' })],
    [
      'the legacy one, which is not enabled',
      redemption({ signature: 'f58a3acbf1ca4d9af97596599167c0ff9c52d3e3', transaction_id: T }),
    ],
  ])('is refused for its signature: %s', async (_, fields) => {
    const { status, body, headers } = await gateway.callback(fields);
    expect([status, body['type']]).toEqual([401, 'urn:rewards-gateway:problem:callback-signature']);
    expect(headers.get('www-authenticate')).toContain('Signature');
  });

  it('is refused for its signature when it has none', async () => {
    const { signature: _, ...unsigned } = redemption();
    expect((await gateway.callback(unsigned)).status).toBe(401);
  });

  it.each<[string, string, string]>([
    ['no JSON', '{', 'application/json'],
    ['a list', '[]', 'application/json'],
    ['nothing', '', 'application/json'],
    ['a member twice', `{"user_id":"a","user_id":"b"}`, 'application/json'],
    ['a member twice in other spelling', `{"user_id":"a","\\u0075ser_id":"b"}`, 'application/json'],
    ['a null', JSON.stringify({ ...redemption(), user_id: null }), 'application/json'],
    ['a list for a member', JSON.stringify({ ...redemption(), user_id: ['a'] }), 'application/json'],
    ['name and nonce', JSON.stringify({ ...issuance(), name: 'Coins' }), 'application/json'],
    [
      'neither',
      JSON.stringify({ content, quantity: 1, user_id: 'a', transaction_id: T, signature: 'x' }),
      'application/json',
    ],
    ['a repeated key', 'user_id=a&user_id=b', 'application/x-www-form-urlencoded'],
    ['a broken escape', 'user_id=%zz', 'application/x-www-form-urlencoded'],
    ['bytes that are no UTF-8', 'user_id=%ff', 'application/x-www-form-urlencoded'],
  ])('that is malformed is refused: %s', async (_, body, type) => {
    const answer = await gateway.raw(body, type);
    expect([answer.status, answer.body['type']]).toEqual([400, 'urn:rewards-gateway:problem:validation']);
  });

  it('of the other format is refused on a route of its own', async () => {
    expect((await gateway.callback(issuance(), '/redemptions')).status).toBe(400);
    expect((await gateway.callback(redemption(), '/issuances')).status).toBe(400);
  });

  it('is 413 beyond 16 KiB, and 415 in another media type', async () => {
    expect((await gateway.callback({ ...redemption(), pad: 'x'.repeat(16 * 1024) })).status).toBe(413);
    expect((await gateway.raw('<a/>', 'application/xml')).status).toBe(415);
    expect((await gateway.raw('a', 'text/plain')).status).toBe(415);
  });

  it('of a test reward is recorded as a test, and counts in no balance', async () => {
    const fields = redemption({ user_id: 'tester', transaction_id: `test_${transaction()}` });
    expect((await gateway.callback(fields)).body).toMatchObject({ status: 'recorded' });
    expect(await rowsOf('tester')).toMatchObject([{ test: true, status: 'recorded' }]);
    expect(await balanceOf('tester')).toBe(0);
  });
});

describe('a forged reading of a signed text', () => {
  let gateway: KiipGateway;

  beforeAll(async () => {
    gateway = await startKiipGateway();
  });

  afterAll(() => gateway.close());

  // Both columns have the same signature (docs/vendors/kiip.md, section 9).
  const pairs: [string, Fields, Fields][] = [
    [
      'V5: transaction and nonce',
      {
        content,
        quantity: 20,
        user_id: 'user-123',
        transaction_id: T,
        nonce: 'n-0001',
        origin: 'survey',
        signature: '3392d14d59913b113d26919e2ed1960907b77931',
      },
      {
        content,
        quantity: 20,
        user_id: 'user-123',
        transaction_id: `${T}n`,
        nonce: '-0001',
        origin: 'survey',
        signature: '3392d14d59913b113d26919e2ed1960907b77931',
      },
    ],
    [
      'V6: name and quantity, without KIIP_CURRENCIES: a name that ends in a digit is not believed, genuine or not',
      {
        content,
        name: 'Gold',
        quantity: 120,
        user_id: 'user-123',
        transaction_id: T,
        signature: '21447f117671a05d6dbe24786394bacb961ce4ef',
      },
      {
        content,
        name: 'Gold1',
        quantity: 20,
        user_id: 'user-123',
        transaction_id: T,
        signature: '21447f117671a05d6dbe24786394bacb961ce4ef',
      },
    ],
    [
      'V7: quantity and user',
      {
        content,
        quantity: 20,
        user_id: '5001',
        transaction_id: T,
        nonce: 'n-0001',
        origin: 'survey',
        signature: 'c9ed22f168b09ae9d5ad9679fce4daa3efed3410',
      },
      {
        content,
        quantity: 205,
        user_id: '001',
        transaction_id: T,
        nonce: 'n-0001',
        origin: 'survey',
        signature: 'c9ed22f168b09ae9d5ad9679fce4daa3efed3410',
      },
    ],
    [
      'V8: an issuance as a legacy redemption',
      {
        content,
        quantity: 20,
        user_id: 'user-123',
        transaction_id: T,
        nonce: 'n-0001',
        origin: 'survey',
        signature: '3392d14d59913b113d26919e2ed1960907b77931',
      },
      {
        content,
        quantity: 20,
        user_id: 'user-123',
        transaction_id: `${T}n-0001survey`,
        signature: '3392d14d59913b113d26919e2ed1960907b77931',
      },
    ],
  ];
  const credited = async () =>
    (await gateway.read('/issuances?limit=500')).items.filter(
      ({ status }) => status === 'recorded' || status === 'released',
    );

  it.each(pairs)('is not credited beside the genuine one: %s', async (_, genuine, forged) => {
    const before = (await credited()).length;
    const first = await gateway.callback(genuine);
    expect(first.status).toBe(200);
    const second = await gateway.callback(forged);
    expect([400, 200]).toContain(second.status);
    expect(second.body['status']).not.toBe('recorded');
    expect((await credited()).length - before).toBeLessThanOrEqual(1);
  });

  it('is not credited before the genuine one where the genuine user has gone to Kiip', async () => {
    await gateway.know('7001');
    const transaction_id = transaction();
    const genuine = issuance({ user_id: '7001', quantity: 20, transaction_id });
    const forged = issuance({ user_id: '001', quantity: 207, transaction_id });
    expect(forged['signature']).toBe(genuine['signature']);
    expect((await gateway.callback(forged)).body).toMatchObject({ status: 'quarantined' });
    expect((await gateway.callback(genuine)).body).toMatchObject({ status: 'recorded' });
  });

  it('quarantines the genuine one as well where both users have gone to Kiip, and a human being decides', async () => {
    await gateway.know('8001', '001');
    const transaction_id = transaction();
    const genuine = await gateway.callback(issuance({ user_id: '8001', quantity: 20, transaction_id }));
    const forged = await gateway.callback(issuance({ user_id: '001', quantity: 208, transaction_id }));
    expect([genuine.body['status'], forged.body['status']]).toEqual(['quarantined', 'quarantined']);
    const decide = (answer: typeof genuine, what: string) =>
      gateway.post(`/api/v1/kiip/issuances/${String(answer.body['id'])}/${what}`, {});
    const released = await decide(genuine, 'release');
    expect([released.status, ((await released.json()) as Fields)['status']]).toEqual([200, 'released']);
    expect((await decide(genuine, 'release')).status).toBe(409);
    expect((await decide(forged, 'release')).status).toBe(409);
    expect((await decide(forged, 'discard')).status).toBe(200);
    expect((await decide(forged, 'discard')).status).toBe(409);
    expect((await gateway.post('/api/v1/kiip/issuances/nope/release', {})).status).toBe(404);
  });

  it('of the same transaction with other fields is quarantined', async () => {
    const transaction_id = transaction();
    expect((await gateway.callback(redemption({ transaction_id, quantity: 20 }))).body).toMatchObject({
      status: 'recorded',
    });
    expect((await gateway.callback(redemption({ transaction_id, quantity: 30 }))).body).toMatchObject({
      status: 'quarantined',
    });
  });
});

describe('the rules of the configuration', () => {
  const gateways: KiipGateway[] = [];
  const start = async (env: Record<string, string>) => {
    const gateway = await startKiipGateway(env);
    gateways.push(gateway);
    return gateway;
  };

  afterEach(async () => {
    for (const gateway of gateways.splice(0)) await gateway.close();
  });

  it('quarantine other currencies, names and larger quantities', async () => {
    const gateway = await start({
      KIIP_CURRENCIES: JSON.stringify({ [content]: { name: 'Gold1', max_quantity: 100 } }),
    });
    expect((await gateway.callback(redemption({ name: 'Gold1' }))).body).toMatchObject({
      status: 'recorded',
    });
    const others: Fields[] = [
      { name: 'Gold', quantity: 120 },
      { name: 'Gold1', quantity: 101 },
      { name: 'Gold1', content: 'coins' },
    ];
    for (const fields of others)
      expect((await gateway.callback(redemption(fields))).body).toMatchObject({ status: 'quarantined' });
  });

  // V6 (docs/vendors/kiip.md, section 9): one signature for `Gold1`/20, which is genuine here, and for `Gold`/120.
  it.each(['the genuine one', 'the forged one'])(
    'tell a currency whose name ends in a digit from a larger quantity of another, %s first',
    async (first) => {
      const gateway = await start({
        KIIP_CURRENCIES: JSON.stringify({ [content]: { name: 'Gold1', max_quantity: 1_000 } }),
      });
      const signature = '21447f117671a05d6dbe24786394bacb961ce4ef';
      const common = { content, user_id: 'user-123', transaction_id: T, signature };
      const genuine = { ...common, name: 'Gold1', quantity: 20 };
      const forged = { ...common, name: 'Gold', quantity: 120 };
      const inOrder = first === 'the genuine one' ? [genuine, forged] : [forged, genuine];
      for (const fields of [...inOrder, ...inOrder])
        expect((await gateway.callback(fields)).status).toBe(200);
      const { items } = await gateway.read('/issuances?limit=500');
      const credited = items.filter(({ status }) => status === 'recorded' || status === 'released');
      expect(credited.map(({ name, quantity }) => [name, quantity])).toEqual([['Gold1', 20]]);
    },
  );

  // V8: one signature for an issuance, and for a legacy redemption whose transaction goes on.
  it.each(['the issuance', 'the redemption'])(
    'credit an issuance and no legacy redemption of the same text, %s first',
    async (first) => {
      const gateway = await start({ KIIP_LEGACY_SIGNATURE: 'true' });
      const signature = '3392d14d59913b113d26919e2ed1960907b77931';
      const common = { content, quantity: 20, user_id: 'user-123', signature };
      const genuine = { ...common, transaction_id: T, nonce: 'n-0001', origin: 'survey' };
      const forged = { ...common, transaction_id: `${T}n-0001survey` };
      const inOrder = first === 'the issuance' ? [genuine, forged] : [forged, genuine];
      // The signature is good under the scheme that is switched on: only the shape of the transaction tells.
      for (const fields of [...inOrder, ...inOrder])
        expect((await gateway.callback(fields)).status).toBe(200);
      const { items } = await gateway.read('/issuances?limit=500');
      const credited = items.filter(({ status }) => status === 'recorded' || status === 'released');
      expect(credited.map(({ kind, transaction_id }) => [kind, transaction_id])).toEqual([['issuance', T]]);
    },
  );

  it('quarantine users that never went to Kiip, when told so', async () => {
    const gateway = await start({ KIIP_UNKNOWN_USERS: 'quarantine' });
    await gateway.know('friend');
    expect((await gateway.callback(redemption({ user_id: 'friend' }))).body).toMatchObject({
      status: 'recorded',
    });
    expect((await gateway.callback(redemption({ user_id: 'stranger' }))).body).toMatchObject({
      status: 'quarantined',
    });
  });

  it('let the legacy scheme in', async () => {
    const gateway = await start({ KIIP_LEGACY_SIGNATURE: 'true' });
    const { name: _, ...legacy } = redemption({
      transaction_id: T,
      signature: 'f58a3acbf1ca4d9af97596599167c0ff9c52d3e3',
    });
    expect((await gateway.callback(legacy)).body).toMatchObject({ status: 'recorded' });
    const { items } = await gateway.read('/issuances');
    expect(await gateway.read(`/issuances/${String(items[0]!['id'])}`)).toMatchObject({
      verification: { scheme: 'legacy-redemption' },
    });
  });
});
