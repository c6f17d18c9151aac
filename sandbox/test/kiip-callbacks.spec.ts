import { createHash } from 'node:crypto';
import type { CallbackSpec } from '../src/kiip/callback-spec.js';
import type { KiipSettings } from '../src/kiip/kiip-settings.js';
import { startKiipSandbox } from '../src/kiip/start-kiip-sandbox.js';
import type { KiipSandbox } from '../src/kiip/kiip-sandbox.js';
import { membersOf, startCallbackReceiver } from '../../test/support/callback-receiver.js';
import type { CallbackReceiver, Members } from '../../test/support/callback-receiver.js';
import { waitFor } from '../../test/support/wait-for.js';
import { KiipClient, MOMENT } from './support/kiip-client.js';

const SECRET = 'test_app_secret_0001';
const C = '7f3c2a10-0b1d-4c5e-8a9b-1234567890ab';
const T = '5473ca54-59a5-cf65-d319-c91697297fcc';
const VECTOR = { content: C, name: 'Coins', quantity: 20, user_id: 'user-123', transaction_id: T };
const ISSUANCE = { ...VECTOR, name: undefined, kind: 'issuance', nonce: 'n-0001', origin: 'survey' } as const;

let receiver: CallbackReceiver;
let sandbox: KiipSandbox;

beforeAll(async () => {
  receiver = await startCallbackReceiver();
  sandbox = await startKiipSandbox({ appSecret: SECRET, callbackUrl: `${receiver.url}/callbacks/kiip` });
});
beforeEach(() => {
  sandbox.reset();
  sandbox.setCallbackUrl(`${receiver.url}/callbacks/kiip`);
  receiver.reset();
});
afterAll(async () => {
  await sandbox.close();
  await receiver.close();
});

/** What the receiver reads out of one callback. */
async function received(spec?: CallbackSpec): Promise<Members> {
  await sandbox.sendCallback(spec);
  return membersOf(receiver.received.at(-1)?.body ?? '');
}

const sha1 = (...texts: unknown[]): string => createHash('sha1').update(texts.join('')).digest('hex');

describe('a redemption callback of the Kiip sandbox', () => {
  it('is a form, with the six members of the vendor and a new transaction id', async () => {
    const delivery = await sandbox.sendCallback();
    const [callback] = receiver.received;
    expect(callback).toMatchObject({
      method: 'POST',
      path: '/callbacks/kiip',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    const members = membersOf(callback?.body ?? '');
    expect(members).toEqual({
      ...VECTOR,
      quantity: '20',
      transaction_id: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
      signature: sha1(C, 'Coins', 20, 'user-123', members['transaction_id'], SECRET),
    });
    expect(delivery).toMatchObject({ kind: 'redemption', sent: callback?.body });
    expect((await received())['transaction_id']).not.toBe(members['transaction_id']);
  });

  it('is JSON when configured, for one or for all', async () => {
    expect(await received({ type: 'json' })).toMatchObject({ quantity: 20 });
    expect(receiver.received.at(-1)?.headers['content-type']).toBe('application/json');
    sandbox.configure({ redemptionType: 'json' });
    expect(await received()).toMatchObject({ quantity: 20 });
    expect(receiver.received.at(-1)?.headers['content-type']).toBe('application/json');
  });

  it('names the id of its reward that is configured', async () => {
    const { view } = await new KiipClient(sandbox).reward({ ...MOMENT, test: true });
    const [, page, reward] = /\/reward\/([0-9a-f-]{36})\/([0-9a-f-]{36})/.exec(view.modal.body_url)!;
    const ids = { 'view-id': `test_${reward}`, 'without-prefix': reward, 'page-id': page };
    for (const [callbackTransaction, transaction_id] of Object.entries(ids)) {
      sandbox.configure({ callbackTransaction } as Partial<KiipSettings>);
      expect(await received({ reward: view.id })).toMatchObject({ transaction_id });
    }
  });

  it('leaves before its moment gets a response when that is configured', async () => {
    sandbox.configure({ redeemAtOnce: true });
    sandbox.addFault({ kind: 'slow', delayMs: 60_000 });
    const moment = new KiipClient(sandbox).moment();
    await waitFor('the callback is here', () => receiver.received.length === 1);
    sandbox.reset();
    expect(await moment).toMatchObject({ error: 'ECONNRESET' });
  });

  it('can be that of a reward, and goes to its user by default', async () => {
    const { view } = await new KiipClient(sandbox).reward({ ...MOMENT, user: { userid: 'somebody' } });
    expect(await received({ reward: view.id })).toMatchObject({
      transaction_id: view.id,
      user_id: 'somebody',
    });
    expect(await received({ reward: 'latest' })).toMatchObject({ transaction_id: view.id });
    expect(await received()).toMatchObject({ user_id: 'somebody' });
  });

  it('issues the currency of the settings', async () => {
    sandbox.configure({ currencyContent: 'gems', currencyName: 'Gems', currencyQuantity: 3 });
    expect(await received()).toMatchObject({ content: 'gems', name: 'Gems', quantity: '3' });
  });
});

describe('an issuance callback of the Kiip sandbox', () => {
  it('is JSON, with the seven members of the vendor, the quantity a number', async () => {
    const members = await received({ kind: 'issuance' });
    expect(receiver.received[0]?.headers['content-type']).toBe('application/json');
    expect(members).toEqual({
      content: C,
      quantity: 20,
      user_id: 'user-123',
      transaction_id: expect.any(String),
      nonce: expect.stringMatching(/^n-[0-9a-f]{12}$/),
      origin: 'survey',
      signature: sha1(C, 20, 'user-123', members['transaction_id'], members['nonce'], 'survey', SECRET),
    });
  });

  it('is a form when configured to', async () => {
    sandbox.configure({ issuanceType: 'form' });
    expect(await received({ kind: 'issuance' })).toMatchObject({ quantity: '20', origin: 'survey' });
    expect(receiver.received[0]?.headers['content-type']).toBe('application/x-www-form-urlencoded');
  });

  it('shares the URL of redemptions or has its own', async () => {
    await sandbox.sendCallbacks([{}, { kind: 'issuance' }]);
    sandbox.setCallbackUrl(`${receiver.url}/redemptions`, `${receiver.url}/issuances`);
    await sandbox.sendCallbacks([{}, { kind: 'issuance' }]);
    expect(receiver.received.map(({ path }) => path)).toEqual([
      '/callbacks/kiip',
      '/callbacks/kiip',
      '/redemptions',
      '/issuances',
    ]);
  });
});

describe('the signature of a sandbox callback', () => {
  // Computed outside of the sandbox (docs/vendors/kiip.md).
  it.each<[string, CallbackSpec, string]>([
    ['V1', VECTOR, '4b0175324fc792e92f9b6024f43bf6545bb4c478'],
    ['V2', { ...VECTOR, name: null, signature: 'legacy' }, 'f58a3acbf1ca4d9af97596599167c0ff9c52d3e3'],
    ['V3', ISSUANCE, '3392d14d59913b113d26919e2ed1960907b77931'],
    [
      'V4',
      { ...VECTOR, name: 'Münzen 金', user_id: 'user+1@example.com' },
      'da7e80bdfa475e631090894febaeb27cafa86622',
    ],
    [
      'V5',
      { ...ISSUANCE, transaction_id: `${T}n`, nonce: '-0001' },
      '3392d14d59913b113d26919e2ed1960907b77931',
    ],
    ['V6, first reading', { ...VECTOR, name: 'Gold1' }, '21447f117671a05d6dbe24786394bacb961ce4ef'],
    [
      'V6, second reading',
      { ...VECTOR, name: 'Gold', quantity: 120 },
      '21447f117671a05d6dbe24786394bacb961ce4ef',
    ],
    ['V7, first reading', { ...ISSUANCE, user_id: '5001' }, 'c9ed22f168b09ae9d5ad9679fce4daa3efed3410'],
    [
      'V7, second reading',
      { ...ISSUANCE, quantity: 205, user_id: '001' },
      'c9ed22f168b09ae9d5ad9679fce4daa3efed3410',
    ],
    [
      'V8',
      { ...VECTOR, name: null, transaction_id: `${T}n-0001survey`, signature: 'legacy' },
      '3392d14d59913b113d26919e2ed1960907b77931',
    ],
  ])('is that of %s, in JSON and as a form', async (_, spec, signature) => {
    expect(await received({ ...spec, type: 'json' })).toMatchObject({ signature });
    expect(await received({ ...spec, type: 'form' })).toMatchObject({ signature });
  });

  it('escapes the plus of V4 and its letters', async () => {
    await sandbox.sendCallback({ name: 'Münzen 金', user_id: 'user+1@example.com' });
    expect(receiver.received[0]?.body).toContain('&name=M%C3%BCnzen+%E9%87%91&');
    expect(receiver.received[0]?.body).toContain('&user_id=user%2B1%40example.com&');
  });

  it.each<[CallbackSpec, unknown]>([
    [{ signature: 'valid' }, '4b0175324fc792e92f9b6024f43bf6545bb4c478'],
    [{ signature: 'upper-case' }, '4B0175324FC792E92F9B6024F43BF6545BB4C478'],
    [{ signature: 'legacy' }, 'f58a3acbf1ca4d9af97596599167c0ff9c52d3e3'],
    [{ signature: 'truncated' }, '4b0175324fc792e92f9b6024f43bf6545bb4c47'],
    [{ signature: 'empty' }, ''],
    [{ signature: 'missing' }, undefined],
    [{ signatureText: 'anything' }, 'anything'],
  ])('is, with %j, %p', async (how, signature) => {
    const members = await received({ ...VECTOR, ...how });
    expect(members['signature']).toBe(signature);
    expect(members).toMatchObject({ transaction_id: T, quantity: '20' });
  });

  it('can be made with an unknown secret or with the previous one', async () => {
    sandbox.configure({ previousAppSecret: 'the one before' });
    const previous = await received({ ...VECTOR, signature: 'previous-secret' });
    expect(previous['signature']).toBe(sha1(C, 'Coins', 20, 'user-123', T, 'the one before'));
    const wrong = await received({ ...VECTOR, signature: 'wrong-secret' });
    expect(wrong['signature']).toMatch(/^[0-9a-f]{40}$/);
    expect(['4b0175324fc792e92f9b6024f43bf6545bb4c478', previous['signature']]).not.toContain(
      wrong['signature'],
    );
  });

  it('follows a rotation of the secret', async () => {
    sandbox.configure({ appSecret: 'next', previousAppSecret: SECRET });
    expect((await received(VECTOR))['signature']).toBe(sha1(C, 'Coins', 20, 'user-123', T, 'next'));
    expect((await received({ ...VECTOR, signature: 'previous-secret' }))['signature']).toBe(
      '4b0175324fc792e92f9b6024f43bf6545bb4c478',
    );
  });
});

describe('the quantity of a sandbox callback', () => {
  it.each([
    ['int', '20', '20'],
    ['string', '"20"', '20'],
    ['leading-zero', '"020"', '020'],
    ['decimal', '"20.0"', '20.0'],
    ['zero', '0', '0'],
    ['negative', '-20', '-20'],
    ['huge', '9007199254740993', '9007199254740993'],
  ] as const)(
    'in the form %s is %s in JSON, %s in a form, and signed as that text',
    async (form, literal, text) => {
      const { signature } = await received({ ...VECTOR, type: 'json', quantityFormat: form });
      expect(receiver.received[0]?.body).toContain(`"quantity":${literal},`);
      expect(signature).toBe(sha1(C, 'Coins', text, 'user-123', T, SECRET));
      expect(await received({ ...VECTOR, quantityFormat: form })).toMatchObject({
        quantity: text,
        signature,
      });
    },
  );

  it('can be missing', async () => {
    for (const spec of [{ quantityFormat: 'missing' }, { quantity: null }] as const) {
      const members = await received({ ...VECTOR, ...spec });
      expect(members).not.toHaveProperty('quantity');
      expect(members['signature']).toBe(sha1(C, 'Coins', 'user-123', T, SECRET));
    }
  });

  it('has the given type in JSON', async () => {
    await sandbox.sendCallbacks(
      [{ quantity: 7 }, { quantity: '2e1' }].map((spec) => ({ ...spec, type: 'json' })),
    );
    expect(receiver.received.map(({ body }) => /"quantity":[^,]+/.exec(body)?.[0])).toEqual([
      '"quantity":7',
      '"quantity":"2e1"',
    ]);
  });
});

describe('the data of a sandbox callback', () => {
  it.each<[CallbackSpec, Members]>([
    [{ variant: 'unknown-user' }, { user_id: 'nobody-here' }],
    [{ variant: 'unknown-currency' }, { content: 'unknown-currency' }],
    [{ variant: 'wrong-name' }, { name: 'Gems' }],
    [{ variant: 'test-transaction', transaction_id: T }, { transaction_id: `test_${T}` }],
    [{ variant: 'hex24-transaction' }, { transaction_id: expect.stringMatching(/^[0-9a-f]{24}$/) }],
    [{ variant: 'unicode' }, { name: 'Münzen 金', user_id: 'user+1@example.com' }],
    [
      { variant: 'unicode', kind: 'issuance' },
      { origin: 'Umfrage & 金', user_id: 'user+1@example.com' },
    ],
  ])('of %j has %j, correctly signed', async (spec, expected) => {
    const members = await received(spec);
    expect(members).toMatchObject(expected);
    const { content, name = '', quantity, user_id, transaction_id, nonce = '', origin = '' } = members;
    expect(members['signature']).toBe(
      sha1(content, name, quantity, user_id, transaction_id, nonce, origin, SECRET),
    );
  });

  it('can have additional unsigned fields, scalar or not', async () => {
    expect(await received({ ...VECTOR, variant: 'extra-fields' })).toMatchObject({
      campaign: 'spring & summer',
      score: '7',
      signature: '4b0175324fc792e92f9b6024f43bf6545bb4c478',
    });
    const extra = { nested: { list: [1, null] } };
    expect(await received({ extra, type: 'json' })).toMatchObject(extra);
    expect(await received({ extra })).toMatchObject({ nested: '{"list":[1,null]}' });
  });

  it('can have a field twice', async () => {
    await sandbox.sendCallback({ variant: 'repeated-key' });
    expect(new URLSearchParams(receiver.received[0]?.body).getAll('quantity')).toEqual(['20', '500']);
    await sandbox.sendCallback({ type: 'json', duplicateFields: { user_id: 'other' } });
    expect(receiver.received[1]?.body).toMatch(/"user_id":"user-123",.*"user_id":"other"/);
  });

  it('has both name and nonce, or neither', async () => {
    expect(await received({ variant: 'both-formats' })).toMatchObject({
      name: 'Coins',
      nonce: expect.any(String),
      origin: 'survey',
    });
    const neither = await received({ ...VECTOR, variant: 'neither-format' });
    expect(Object.keys(neither).toSorted()).toEqual([
      'content',
      'quantity',
      'signature',
      'transaction_id',
      'user_id',
    ]);
    expect(neither['signature']).toBe('f58a3acbf1ca4d9af97596599167c0ff9c52d3e3');
  });

  it('lacks any field that is given as null', async () => {
    expect(await received({ user_id: null, transaction_id: null })).toEqual({
      content: C,
      name: 'Coins',
      quantity: '20',
      signature: sha1(C, 'Coins', 20, SECRET),
    });
  });
});

describe('a replay of a sandbox callback', () => {
  it('is byte for byte the same, even after a change of secret and a reset of the receiver', async () => {
    const { id, sent } = await sandbox.sendCallback({ kind: 'issuance' });
    await sandbox.sendCallback();
    sandbox.configure({ appSecret: 'next' });
    expect(await sandbox.sendCallback({ copyOf: id })).toMatchObject({ kind: 'issuance', sent });
    expect(receiver.received.map(({ body }) => body === sent)).toEqual([true, false, true]);
  });

  it('can come in many copies at once', async () => {
    receiver.gather(20);
    const deliveries = await sandbox.sendCallbacks([{}], { copies: 20, order: 'at-once' });
    expect(receiver.maxOpen()).toBe(20);
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
    expect(new Set(deliveries.map(({ id }) => id)).size).toBe(20);
  });

  it('has the same id with another payload, signed anew', async () => {
    await sandbox.sendCallback(VECTOR);
    expect(await received({ copyOf: 'latest', quantity: 500 })).toEqual({
      ...VECTOR,
      quantity: '500',
      signature: sha1(C, 'Coins', 500, 'user-123', T, SECRET),
    });
  });

  it('has the boundary between two fields shifted, under the same signature', async () => {
    const signature = '3392d14d59913b113d26919e2ed1960907b77931';
    await sandbox.sendCallback(ISSUANCE);
    expect(await received({ copyOf: 1, shift: { from: 'nonce', to: 'transaction_id' } })).toMatchObject({
      transaction_id: `${T}n`,
      nonce: '-0001',
      signature,
    });
    expect(await received({ copyOf: 1, shift: { from: 'nonce', to: 'origin', chars: 2 } })).toMatchObject({
      nonce: 'n-00',
      origin: '01survey',
      signature,
    });
    expect(await received({ copyOf: 1, variant: 'issuance-as-redemption' })).toEqual({
      content: C,
      quantity: 20,
      user_id: 'user-123',
      transaction_id: `${T}n-0001survey`,
      signature,
    });
    await sandbox.sendCallback({ ...ISSUANCE, user_id: '5001' });
    expect(await received({ copyOf: 'latest', shift: { from: 'user_id', to: 'quantity' } })).toMatchObject({
      quantity: 205,
      user_id: '001',
      signature: 'c9ed22f168b09ae9d5ad9679fce4daa3efed3410',
    });
  });
});
