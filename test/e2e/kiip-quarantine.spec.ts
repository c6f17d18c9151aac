import { RejectedCallbacksService } from '../../src/kiip-callbacks/rejected-callbacks.service.js';
import { UserReferencesService } from '../../src/user-references/user-references.service.js';
import { mintUserReference } from '../../src/user-references/user-reference.js';
import type { Environment } from '../../src/config/read-config.js';
import { content, issuance, redemption, sign, startKiipGateway, transaction } from '../support/kiip.js';
import type { Fields, KiipGateway } from '../support/kiip.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';

/** Gateways are started one after the other on the same database, as after a configuration change. */
let database: TestDatabase;
let gateway: KiipGateway;

beforeEach(async () => {
  database = await newDatabase();
});
afterEach(async () => {
  await gateway.close();
  await database.drop();
});

async function startWith(env: Environment): Promise<void> {
  gateway = await startKiipGateway({ ...database.env, ...env });
}

const cap = (max_quantity: number) => JSON.stringify({ [content]: { name: 'Coins', max_quantity } });
const send = async (fields: Fields) =>
  (await gateway.callback(fields)).body as { status: string; id: string };
const decide = async (id: string, decision: 'release' | 'discard') => {
  const response = await gateway.post(`/api/v1/kiip/issuances/${id}/${decision}`, {});
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};
const balanceOf = async (user: string) =>
  (
    (await gateway.read(`/users/${user}/balances`)) as unknown as { balances: { quantity: number }[] }
  ).balances.map(({ quantity }) => quantity);
const referenceOf = (user: string) =>
  gateway.app.get(UserReferencesService, { strict: false }).getReference(user, mintUserReference);

/** A redemption with a legacy signature, which does not cover `name`. */
const legacyRedemption = (fields: Fields = {}): Fields => {
  const { name: _, signature: __, ...all } = redemption({ user_id: 'alice', ...fields });
  const signed = ['content', 'quantity', 'user_id', 'transaction_id'].map((name) => String(all[name]));
  return { ...all, signature: sign(signed) };
};

describe('a callback with a user reference', () => {
  const opaque = { KIIP_USER_REFERENCE: 'opaque' };

  it('is quarantined for the referenced user and credited to that user when released', async () => {
    await startWith({ ...opaque, KIIP_CURRENCIES: cap(10) });
    const { status, id } = await send(redemption({ user_id: await referenceOf('alice') }));
    expect(status).toBe('quarantined');
    expect(await gateway.read(`/issuances/${id}`)).toMatchObject({
      user_id: 'alice',
      reason: 'cap: quantity',
    });
    expect((await decide(id, 'release')).body).toMatchObject({ status: 'released', user_id: 'alice' });
    expect(await balanceOf('alice')).toEqual([20]);
  });

  it('is credited to the referenced user when a quarantined callback arrives again and meets all rules', async () => {
    await startWith({ ...opaque, KIIP_CURRENCIES: cap(10) });
    const callback = redemption({ user_id: await referenceOf('alice') });
    const { id } = await send(callback);
    await gateway.close();
    await startWith({ ...opaque, KIIP_CURRENCIES: cap(100) });
    expect(await send(callback)).toEqual({ status: 'recorded', id });
    expect(await balanceOf('alice')).toEqual([20]);
  });

  it('cannot be released until its user reference is known', async () => {
    await startWith(opaque);
    const reference = mintUserReference();
    const { id } = await send(redemption({ user_id: reference }));
    expect((await decide(id, 'release')).status).toBe(409);
    expect(
      await gateway.app.get(UserReferencesService, { strict: false }).getReference('bob', () => reference),
    ).toBe(reference);
    expect((await decide(id, 'release')).body).toMatchObject({ status: 'released', user_id: 'bob' });
    expect(await balanceOf('bob')).toEqual([20]);
  });

  it('is credited to the referenced user after KIIP_USER_REFERENCE is switched back to plain', async () => {
    await startWith(opaque);
    const callback = redemption({ user_id: await referenceOf('alice') });
    await gateway.close();
    await startWith({});
    expect((await send(callback)).status).toBe('recorded');
    expect(await balanceOf('alice')).toEqual([20]);
  });
});

describe('a discarded callback', () => {
  it('stays discarded when it arrives again or split into other fields, even if its user is known by then', async () => {
    await startWith({ KIIP_UNKNOWN_USERS: 'quarantine' });
    const callback = issuance({ user_id: 'stranger', nonce: 'n-12', origin: 'purchase' });
    const { id } = await send(callback);
    expect((await decide(id, 'discard')).status).toBe(200);
    await gateway.know('stranger');
    expect(await send(callback)).toEqual({ status: 'duplicate', id });
    const resplit = { ...callback, nonce: 'n-12p', origin: 'urchase' };
    const kept = await send(resplit);
    expect(kept.status).toBe('quarantined');
    expect(await gateway.read(`/issuances/${kept.id}`)).toMatchObject({ reason: 'same-signature-discarded' });
    expect(await send(resplit)).toEqual({ status: 'duplicate', id: kept.id });
    expect(await balanceOf('stranger')).toEqual([]);
    // An operator may still decide otherwise.
    expect((await decide(kept.id, 'release')).status).toBe(200);
    expect(await balanceOf('stranger')).toEqual([20]);
  });
});

describe('a callback with a legacy signature', () => {
  it('is recorded without the name in its body, which the signature does not cover', async () => {
    await startWith({ KIIP_LEGACY_SIGNATURE: 'true' });
    const callback = legacyRedemption();
    const { status, id } = await send({ ...callback, name: 'Diamonds' });
    expect(status).toBe('recorded');
    expect(await gateway.read(`/issuances/${id}`)).toMatchObject({ name: null });
    expect(await send({ ...callback, name: 'Coins' })).toEqual({ status: 'duplicate', id });
    expect(await send(callback)).toEqual({ status: 'duplicate', id });
  });

  it('is recorded with the configured name of its currency', async () => {
    await startWith({ KIIP_LEGACY_SIGNATURE: 'true', KIIP_CURRENCIES: cap(100) });
    const { id } = await send(legacyRedemption());
    expect(await gateway.read(`/issuances/${id}`)).toMatchObject({ status: 'recorded', name: 'Coins' });
    expect(await send({ ...legacyRedemption(), name: 'Diamonds' })).toMatchObject({ status: 'quarantined' });
  });

  it('is rejected as malformed but kept while the legacy scheme is disabled', async () => {
    await startWith({});
    const callback = legacyRedemption({ transaction_id: transaction() });
    expect((await gateway.callback(callback)).status).toBe(400);
    expect((await gateway.callback({ ...callback, signature: '0'.repeat(40) })).status).toBe(400);
    const kept = await gateway.app.get(RejectedCallbacksService, { strict: false }).all().next();
    expect(JSON.parse(Buffer.from((kept.value as { body: Uint8Array }).body).toString())).toEqual(callback);
  });
});
