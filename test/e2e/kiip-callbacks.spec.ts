import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { mock } from 'node:test';
import { content, issuance, redemption, startKiipGateway, transaction } from '../support/kiip.js';
import type { Fields, KiipGateway } from '../support/kiip.js';
import { findSeries, scrapeMetrics } from '../support/metrics.js';
import { waitFor } from '../support/wait-for.js';

const T = '5473ca54-59a5-cf65-d319-c91697297fcc';

describe('POST /callbacks/kiip', () => {
  let gateway: KiipGateway;

  beforeAll(async () => {
    gateway = await startKiipGateway({ KIIP_APP_SECRETS: 'test_app_secret_0001,the-secret-before' });
  });

  afterAll(() => gateway.close());

  const counts = async () => findSeries(await scrapeMetrics(gateway), 'rewards_gateway_kiip_callbacks_total');
  /** What is counted after these bytes, when the client closes the connection at once. */
  const countedAfter = async (sent: string) => {
    const before = await counts();
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
    socket.write(sent, () => socket.destroySoon());
    await waitFor('it is counted', async () => JSON.stringify(await counts()) !== JSON.stringify(before));
    const after = await counts();
    return Object.entries(after).filter(([name, count]) => count !== before[name]);
  };
  const entriesOf = async (user: string) =>
    (await gateway.read(`/issuances?user_id=${encodeURIComponent(user)}`)).items;
  const balanceOf = async (user: string) => {
    const { balances } = (await gateway.read(`/users/${encodeURIComponent(user)}/balances`)) as unknown as {
      balances: { quantity: number }[];
    };
    return balances.reduce((sum, { quantity }) => sum + quantity, 0);
  };

  it('records a valid new callback and responds 200 after the commit', async () => {
    const { status, body } = await gateway.form(redemption({ user_id: 'new-one', transaction_id: T }));
    expect([status, body['status']]).toEqual([200, 'recorded']);
    expect(await entriesOf('new-one')).toEqual([
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
    ['a quantity as a string', (fields) => gateway.callback(fields), redemption({ quantity: '20' })],
    ['unknown fields', (fields) => gateway.callback({ ...fields, extra: [{ a: 1 }] }), redemption()],
    [
      'a signature in upper case',
      (fields) => gateway.callback({ ...fields, signature: String(fields['signature']).toUpperCase() }),
      redemption(),
    ],
    [
      'a signature made with the second configured secret',
      (fields) => gateway.callback(fields),
      redemption({}, 'the-secret-before'),
    ],
    [
      'UTF-8 text and a plus sign in a form',
      (fields) => gateway.form(fields),
      redemption({ name: 'Münzen 金', user_id: 'user+1@example.com' }),
    ],
  ])('records %s', async (_, send, fields) => {
    const { status, body } = await send(fields);
    expect([status, body['status']]).toEqual([200, 'recorded']);
  });

  it('reports every repeat of a callback as a duplicate with the first id, in either media type', async () => {
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
      formula: 'redemption',
      secret: 'secret-1',
      quantity_text: '20',
      duplicates: 22,
    });
  });

  it('records a redemption and several issuances of the same transaction', async () => {
    const transaction_id = transaction();
    const user_id = 'linked';
    const responses = [
      await gateway.form(redemption({ transaction_id, user_id })),
      await gateway.callback(issuance({ transaction_id, user_id })),
      await gateway.callback(issuance({ transaction_id, user_id, nonce: 'n-0002' })),
    ];
    expect(responses.map(({ body }) => body['status'])).toEqual(['recorded', 'recorded', 'recorded']);
    expect(await balanceOf('linked')).toBe(60);
  });

  it.each<[string, Fields, string]>([
    ['a quantity with a leading zero', redemption({ quantity: '020' }), 'field-shape: quantity'],
    ['a fractional quantity', redemption({ quantity: '20.5' }), 'field-shape: quantity'],
    ['a quantity of zero', redemption({ quantity: 0 }), 'field-shape: quantity'],
    ['a negative quantity', redemption({ quantity: -5 }), 'field-shape: quantity'],
    ['an empty quantity', redemption({ quantity: '' }), 'field-shape: quantity'],
    ['an invalid transaction id', redemption({ transaction_id: 'abc' }), 'field-shape: transaction_id'],
    ['an empty user id', redemption({ user_id: '' }), 'field-shape: user_id'],
  ])('quarantines a signed callback that violates a field rule: %s', async (_, fields, reason) => {
    const { status, body } = await gateway.callback(fields);
    expect([status, body['status']]).toEqual([200, 'quarantined']);
    expect(await gateway.read(`/issuances/${String(body['id'])}`)).toMatchObject({
      status: 'quarantined',
      reason,
    });
  });

  it('verifies the signature over the text of a number as it arrived', async () => {
    const { signature: _, ...fields } = redemption({ quantity: '20.0' });
    const signature = createHash('sha1')
      .update(`${content}Coins20.0user-123${String(fields['transaction_id'])}test_app_secret_0001`)
      .digest('hex');
    const text = JSON.stringify({ ...fields, signature }).replace('"20.0"', '20.0');
    expect((await gateway.raw(text, 'application/json')).body).toMatchObject({ status: 'quarantined' });
    expect((await gateway.raw(text.replace('20.0', '20'), 'application/json')).status).toBe(401);
  });

  it.each<[string, Fields]>([
    ['a wrong signature', redemption({ signature: '0'.repeat(40) })],
    ['an empty signature', redemption({ signature: '' })],
    ['a signature made with an unknown secret', redemption({}, 'not-ours')],
    ['a signature that is too short', redemption({ signature: 'abc' })],
    [
      'a legacy signature while the legacy scheme is disabled',
      redemption({ signature: 'f58a3acbf1ca4d9af97596599167c0ff9c52d3e3', transaction_id: T }),
    ],
  ])('responds 401 to an invalid signature: %s', async (_, fields) => {
    const { status, body, headers } = await gateway.callback(fields);
    expect([status, body['type']]).toEqual([401, 'urn:rewards-gateway:problem:callback-signature']);
    expect(headers.get('www-authenticate')).toContain('Signature');
  });

  it('responds 401 to a callback without a signature', async () => {
    const { signature: _, ...unsigned } = redemption();
    expect((await gateway.callback(unsigned)).status).toBe(401);
  });

  it.each<[string, string, string]>([
    ['invalid JSON', '{', 'application/json'],
    ['a JSON array', '[]', 'application/json'],
    ['an empty body', '', 'application/json'],
    ['a duplicate field', `{"user_id":"a","user_id":"b"}`, 'application/json'],
    [
      'a duplicate field with an escape in its name',
      `{"user_id":"a","\\u0075ser_id":"b"}`,
      'application/json',
    ],
    ['a field that is null', JSON.stringify({ ...redemption(), user_id: null }), 'application/json'],
    ['a field that is an array', JSON.stringify({ ...redemption(), user_id: ['a'] }), 'application/json'],
    ['both name and nonce', JSON.stringify({ ...issuance(), name: 'Coins' }), 'application/json'],
    [
      'neither name nor nonce',
      JSON.stringify({ content, quantity: 1, user_id: 'a', transaction_id: T, signature: 'x' }),
      'application/json',
    ],
    ['a duplicate form field', 'user_id=a&user_id=b', 'application/x-www-form-urlencoded'],
    ['an invalid percent escape', 'user_id=%zz', 'application/x-www-form-urlencoded'],
    ['bytes that are not UTF-8', 'user_id=%ff', 'application/x-www-form-urlencoded'],
  ])('responds 400 to a malformed body: %s', async (_, body, type) => {
    const response = await gateway.raw(body, type);
    expect([response.status, response.body['type']]).toEqual([400, 'urn:rewards-gateway:problem:validation']);
  });

  it.each([
    '/redemptions',
    '/redemptions/',
    '/issuances',
    '/issuances/',
    '/',
    '//',
    '//issuances//',
    '/ISSUANCES',
    '/?source=kiip',
    '/issuances/?source=kiip',
  ])('records both formats at the callback URL with %s at its end', async (end) => {
    for (const fields of [redemption(), issuance()])
      expect((await gateway.callback(fields, end)).body).toMatchObject({ status: 'recorded' });
  });

  it('answers a callback that has a media type, and neither a body nor a length', async () => {
    const { hostname, port } = new URL(gateway.url);
    const socket = connect(Number(port), hostname).setTimeout(5_000, () => socket.destroy());
    socket.write('POST /callbacks/kiip HTTP/1.1\r\nHost: kiip\r\nContent-Type: application/json\r\n');
    socket.write('Connection: close\r\n\r\n');
    expect((await buffer(socket)).toString('latin1')).toMatch(/^HTTP\/1\.1 400 /);
  });

  it.each(['HEAD', 'OPTIONS'])('answers %s on a callback URL without a body', async (method) => {
    for (const end of ['', '/', '/redemptions', '/issuances/']) {
      const response = await fetch(`${gateway.url}/callbacks/kiip${end}`, { method });
      expect([response.status, response.headers.get('allow'), await response.text()]).toEqual([
        204,
        'POST',
        '',
      ]);
    }
  });

  it.each<[string, number, string, RequestInit & { path?: string }]>([
    ['at an unknown path', 404, 'not_found', { path: '/callbacks/kip' }],
    ['by another method', 405, 'method_not_allowed', { method: 'PUT' }],
    ['larger than 16 KiB', 413, 'too_large', { body: JSON.stringify({ pad: 'x'.repeat(17 * 1024) }) }],
    ['of another media type', 415, 'unsupported_media_type', { headers: { 'content-type': 'text/xml' } }],
    ['without a media type', 415, 'unsupported_media_type', { headers: {}, body: Buffer.from('{}') }],
    ['that is malformed', 400, 'malformed', { body: '{' }],
    ['with an encoded slash', 400, 'malformed', { path: '/callbacks%2Fkiip' }],
    ['with an encoded letter', 400, 'malformed', { path: '/%63allbacks/kiip' }],
    ['with a path that cannot be decoded', 400, 'malformed', { path: '/callbacks/kiip%zz' }],
  ])(
    'counts a request %s as a callback that is not recorded',
    async (_, status, outcome, { path, ...request }) => {
      const count = async () =>
        (await scrapeMetrics(gateway))[`rewards_gateway_kiip_callbacks_total{outcome="${outcome}",kind=""}`]!;
      const before = await count();
      const response = await fetch(gateway.url + (path ?? '/callbacks/kiip'), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
        ...request,
      });
      expect(response.status).toBe(status);
      await response.arrayBuffer();
      await waitFor('it is counted', async () => (await count()) === before + 1);
    },
  );

  it('counts one whose client closes the connection before its end, and only once one that arrived whole', async () => {
    const body = JSON.stringify(redemption());
    const head = `POST /callbacks/kiip HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    expect(await countedAfter(head + body.slice(1))).toEqual([
      ['{outcome="malformed",kind=""}', expect.any(Number)],
    ]);
    expect(await countedAfter(head + body)).toEqual([
      ['{outcome="recorded",kind="redemption"}', expect.any(Number)],
    ]);
  });

  it.each([
    ['recorded', redemption(), 200],
    ['without name, nonce and origin, which a legacy redemption may be', { content, quantity: 1 }, 400],
    ['with a wrong signature', redemption({ signature: '0'.repeat(40) }), 401],
  ])('parses the body of a callback once: %s', async (_, fields, status) => {
    const body = JSON.stringify({ ...fields, pad: transaction() });
    const parse = mock.method(JSON, 'parse');
    const response = await gateway.raw(body, 'application/json');
    const times = parse.mock.calls.filter(({ arguments: [text] }) => text === body).length;
    parse.mock.restore();
    expect([response.status, times]).toEqual([status, 1]);
  });

  it('responds 413 to a body over 16 KiB and 415 to another media type', async () => {
    expect((await gateway.callback({ ...redemption(), pad: 'x'.repeat(16 * 1024) })).status).toBe(413);
    expect((await gateway.raw('<a/>', 'application/xml')).status).toBe(415);
    expect((await gateway.raw('a', 'text/plain')).status).toBe(415);
  });

  it('records a callback of a test reward as a test and leaves it out of balances', async () => {
    const fields = redemption({ user_id: 'tester', transaction_id: `test_${transaction()}` });
    expect((await gateway.callback(fields)).body).toMatchObject({ status: 'recorded' });
    expect(await entriesOf('tester')).toMatchObject([{ test: true, status: 'recorded' }]);
    expect(await balanceOf('tester')).toBe(0);
  });
});

describe('POST /callbacks/kiip with a forged parse of a signed text', () => {
  let gateway: KiipGateway;

  beforeAll(async () => {
    gateway = await startKiipGateway();
  });

  afterAll(() => gateway.close());

  // The genuine and the forged callback of a pair have the same signature (docs/vendors/kiip.md, section 9).
  const pairs: [string, Fields, Fields][] = [
    [
      'V5, the boundary between transaction and nonce is moved',
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
      'V6, the boundary between name and quantity is moved, without KIIP_CURRENCIES',
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
      'V7, the boundary between quantity and user is moved',
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
      'V8, an issuance is parsed as a legacy redemption',
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

  it.each(pairs)(
    'does not credit the forged callback as well as the genuine one: %s',
    async (_, genuine, forged) => {
      const before = (await credited()).length;
      const first = await gateway.callback(genuine);
      expect(first.status).toBe(200);
      const second = await gateway.callback(forged);
      expect([400, 200]).toContain(second.status);
      expect(second.body['status']).not.toBe('recorded');
      expect((await credited()).length - before).toBeLessThanOrEqual(1);
    },
  );

  it('does not credit a forged callback that arrives first when only the genuine user is known', async () => {
    await gateway.know('7001');
    const transaction_id = transaction();
    const genuine = issuance({ user_id: '7001', quantity: 20, transaction_id });
    const forged = issuance({ user_id: '001', quantity: 207, transaction_id });
    expect(forged['signature']).toBe(genuine['signature']);
    expect((await gateway.callback(forged)).body).toMatchObject({ status: 'quarantined' });
    expect((await gateway.callback(genuine)).body).toMatchObject({ status: 'recorded' });
  });

  it('quarantines both callbacks when both users are known, until an operator decides', async () => {
    await gateway.know('8001', '001');
    const transaction_id = transaction();
    const genuine = await gateway.callback(issuance({ user_id: '8001', quantity: 20, transaction_id }));
    const forged = await gateway.callback(issuance({ user_id: '001', quantity: 208, transaction_id }));
    expect([genuine.body['status'], forged.body['status']]).toEqual(['quarantined', 'quarantined']);
    const decide = (callback: typeof genuine, decision: string) =>
      gateway.post(`/api/v1/kiip/issuances/${String(callback.body['id'])}/${decision}`, {});
    const released = await decide(genuine, 'release');
    expect([released.status, ((await released.json()) as Fields)['status']]).toEqual([200, 'released']);
    expect((await decide(genuine, 'release')).status).toBe(409);
    expect((await decide(forged, 'release')).status).toBe(409);
    expect((await decide(forged, 'discard')).status).toBe(200);
    expect((await decide(forged, 'discard')).status).toBe(409);
    expect((await gateway.post('/api/v1/kiip/issuances/nope/release', {})).status).toBe(404);
  });

  it('quarantines a callback that has a recorded transaction and other fields', async () => {
    const transaction_id = transaction();
    expect((await gateway.callback(redemption({ transaction_id, quantity: 20 }))).body).toMatchObject({
      status: 'recorded',
    });
    expect((await gateway.callback(redemption({ transaction_id, quantity: 30 }))).body).toMatchObject({
      status: 'quarantined',
    });
  });
});

describe('POST /callbacks/kiip with optional settings', () => {
  const gateways: KiipGateway[] = [];
  const start = async (env: Record<string, string>) => {
    const gateway = await startKiipGateway(env);
    gateways.push(gateway);
    return gateway;
  };

  afterEach(async () => {
    for (const gateway of gateways.splice(0)) await gateway.close();
  });

  it('quarantines currencies, names and quantities that are not configured', async () => {
    const other = '0c9d1f2e-5a6b-4c7d-8e9f-0123456789ab';
    const gateway = await start({
      KIIP_CURRENCIES: JSON.stringify({
        [content]: { name: 'Gold1', max_quantity: 100 },
        [other]: { name: 'Silver', quantities: [20, 50] },
      }),
    });
    const statusesOf = (callbacks: Fields[]) =>
      Promise.all(
        callbacks.map(async (fields) => (await gateway.callback(redemption(fields))).body['status']),
      );
    const allowed: Fields[] = [{ name: 'Gold1' }, { content: other, name: 'Silver', quantity: 50 }];
    expect(await statusesOf(allowed)).toEqual(['recorded', 'recorded']);
    const others: Fields[] = [
      { name: 'Gold', quantity: 120 },
      { name: 'Gold1', quantity: 101 },
      { name: 'Gold1', content: 'coins' },
      { content: other, name: 'Silver', quantity: 30 },
    ];
    expect(await statusesOf(others)).toEqual(others.map(() => 'quarantined'));
  });

  // V6 (docs/vendors/kiip.md, section 9): one signature for `Gold1`/20, which is genuine here, and for `Gold`/120.
  it.each(['the genuine callback', 'the forged callback'])(
    'credits only a configured currency whose name ends in a digit when %s arrives first',
    async (first) => {
      const gateway = await start({
        KIIP_CURRENCIES: JSON.stringify({ [content]: { name: 'Gold1', max_quantity: 1_000 } }),
      });
      const signature = '21447f117671a05d6dbe24786394bacb961ce4ef';
      const common = { content, user_id: 'user-123', transaction_id: T, signature };
      const genuine = { ...common, name: 'Gold1', quantity: 20 };
      const forged = { ...common, name: 'Gold', quantity: 120 };
      const inOrder = first === 'the genuine callback' ? [genuine, forged] : [forged, genuine];
      for (const fields of [...inOrder, ...inOrder])
        expect((await gateway.callback(fields)).status).toBe(200);
      const { items } = await gateway.read('/issuances?limit=500');
      const credited = items.filter(({ status }) => status === 'recorded' || status === 'released');
      expect(credited.map(({ name, quantity }) => [name, quantity])).toEqual([['Gold1', 20]]);
    },
  );

  // V8: one signature for an issuance and for a legacy redemption with a longer transaction id.
  it.each(['the issuance', 'the redemption'])(
    'credits the issuance and not the legacy redemption with the same signature when %s arrives first',
    async (first) => {
      const gateway = await start({ KIIP_LEGACY_SIGNATURE: 'true' });
      const signature = '3392d14d59913b113d26919e2ed1960907b77931';
      const common = { content, quantity: 20, user_id: 'user-123', signature };
      const genuine = { ...common, transaction_id: T, nonce: 'n-0001', origin: 'survey' };
      const forged = { ...common, transaction_id: `${T}n-0001survey` };
      const inOrder = first === 'the issuance' ? [genuine, forged] : [forged, genuine];
      // The signature is valid under the enabled legacy scheme. Only the shape of the transaction id reveals the forgery.
      for (const fields of [...inOrder, ...inOrder])
        expect((await gateway.callback(fields)).status).toBe(200);
      const { items } = await gateway.read('/issuances?limit=500');
      const credited = items.filter(({ status }) => status === 'recorded' || status === 'released');
      expect(credited.map(({ kind, transaction_id }) => [kind, transaction_id])).toEqual([['issuance', T]]);
    },
  );

  it('quarantines callbacks for unknown users when KIIP_UNKNOWN_USERS is quarantine', async () => {
    const gateway = await start({ KIIP_UNKNOWN_USERS: 'quarantine' });
    await gateway.know('friend');
    expect((await gateway.callback(redemption({ user_id: 'friend' }))).body).toMatchObject({
      status: 'recorded',
    });
    expect((await gateway.callback(redemption({ user_id: 'stranger' }))).body).toMatchObject({
      status: 'quarantined',
    });
  });

  it('records a callback with a legacy signature when KIIP_LEGACY_SIGNATURE is true', async () => {
    const gateway = await start({ KIIP_LEGACY_SIGNATURE: 'true' });
    const { name: _, ...legacy } = redemption({
      transaction_id: T,
      signature: 'f58a3acbf1ca4d9af97596599167c0ff9c52d3e3',
    });
    expect((await gateway.callback(legacy)).body).toMatchObject({ status: 'recorded' });
    const { items } = await gateway.read('/issuances');
    expect(await gateway.read(`/issuances/${String(items[0]!['id'])}`)).toMatchObject({
      verification: { formula: 'legacy-redemption' },
    });
  });
});
