import { RejectedCallbacksService } from '../../src/kiip-callbacks/rejected-callbacks.service.js';
import { UserReferencesService } from '../../src/user-references/user-references.service.js';
import { mintUserReference } from '../../src/user-references/user-reference.js';
import type { Environment } from '../../src/config/read-config.js';
import { content, issuance, redemption, sign, startKiipGateway, transaction } from '../support/kiip.js';
import type { Fields, KiipGateway } from '../support/kiip.js';
import { dataFolder } from '../support/kiip-world.js';

/** One gateway after the other on one folder, as after a change of configuration. */
let folder: ReturnType<typeof dataFolder>;
let gateway: KiipGateway;

beforeEach(() => (folder = dataFolder()));
afterEach(async () => {
  await gateway.close();
  folder.remove();
});

async function use(env: Environment): Promise<void> {
  gateway = await startKiipGateway({ ...folder.env, ...env });
}

const cap = (max_quantity: number) => JSON.stringify({ [content]: { name: 'Coins', max_quantity } });
const outcome = async (fields: Fields) =>
  (await gateway.callback(fields)).body as { status: string; id: string };
const decide = async (id: string, decision: 'release' | 'discard') => {
  const answer = await gateway.post(`/api/v1/kiip/issuances/${id}/${decision}`, {});
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};
const balanceOf = async (user: string) =>
  (
    (await gateway.read(`/users/${user}/balances`)) as unknown as { balances: { quantity: number }[] }
  ).balances.map(({ quantity }) => quantity);
const referenceOf = (user: string) =>
  gateway.app.get(UserReferencesService, { strict: false }).getReference(user, mintUserReference);

/** A redemption signed by the scheme without `name`. */
const unnamed = (fields: Fields = {}): Fields => {
  const { name: _, signature: __, ...all } = redemption({ user_id: 'alice', ...fields });
  const signed = ['content', 'quantity', 'user_id', 'transaction_id'].map((name) => String(all[name]));
  return { ...all, signature: sign(signed) };
};

describe('a quarantined callback for a reference', () => {
  const opaque = { KIIP_USER_REFERENCE: 'opaque' };

  it('is of the user that it stands for, and credited to that user when released', async () => {
    await use({ ...opaque, KIIP_CURRENCIES: cap(10) });
    const { status, id } = await outcome(redemption({ user_id: await referenceOf('alice') }));
    expect(status).toBe('quarantined');
    expect(await gateway.read(`/issuances/${id}`)).toMatchObject({
      user_id: 'alice',
      reason: 'cap: quantity',
    });
    expect((await decide(id, 'release')).body).toMatchObject({ status: 'released', user_id: 'alice' });
    expect(await balanceOf('alice')).toEqual([20]);
  });

  it('is credited to that user when it comes again and nothing speaks against it any more', async () => {
    await use({ ...opaque, KIIP_CURRENCIES: cap(10) });
    const callback = redemption({ user_id: await referenceOf('alice') });
    const { id } = await outcome(callback);
    await gateway.close();
    await use({ ...opaque, KIIP_CURRENCIES: cap(100) });
    expect(await outcome(callback)).toEqual({ status: 'recorded', id });
    expect(await balanceOf('alice')).toEqual([20]);
  });

  it('cannot be released while nobody knows whom it stands for, and then is of that user', async () => {
    await use(opaque);
    const reference = mintUserReference();
    const { id } = await outcome(redemption({ user_id: reference }));
    expect((await decide(id, 'release')).status).toBe(409);
    expect(
      await gateway.app.get(UserReferencesService, { strict: false }).getReference('bob', () => reference),
    ).toBe(reference);
    expect((await decide(id, 'release')).body).toMatchObject({ status: 'released', user_id: 'bob' });
    expect(await balanceOf('bob')).toEqual([20]);
  });

  it('is mapped back also after references were given up', async () => {
    await use(opaque);
    const callback = redemption({ user_id: await referenceOf('alice') });
    await gateway.close();
    await use({});
    expect((await outcome(callback)).status).toBe('recorded');
    expect(await balanceOf('alice')).toEqual([20]);
  });
});

describe('a callback that somebody discarded', () => {
  it('stays discarded, however its text is cut and whatever has become known since', async () => {
    await use({ KIIP_UNKNOWN_USERS: 'quarantine' });
    const callback = issuance({ user_id: 'stranger', nonce: 'n-12', origin: 'purchase' });
    const { id } = await outcome(callback);
    expect((await decide(id, 'discard')).status).toBe(200);
    await gateway.know('stranger');
    expect(await outcome(callback)).toEqual({ status: 'duplicate', id });
    const recut = { ...callback, nonce: 'n-12p', origin: 'urchase' };
    const kept = await outcome(recut);
    expect(kept.status).toBe('quarantined');
    expect(await gateway.read(`/issuances/${kept.id}`)).toMatchObject({ reason: 'same-signature-discarded' });
    expect(await outcome(recut)).toEqual({ status: 'duplicate', id: kept.id });
    expect(await balanceOf('stranger')).toEqual([]);
    // A human being may still think better of it.
    expect((await decide(kept.id, 'release')).status).toBe(200);
    expect(await balanceOf('stranger')).toEqual([20]);
  });
});

describe('a signed text that is cut in many ways', () => {
  it('fills fifty rows at the most, and the genuine callback is recorded nevertheless', async () => {
    await use({});
    const genuine = redemption({ user_id: 'alice' });
    const text = `${content}Coins20alice${String(genuine['transaction_id'])}`;
    const cuts = Array.from({ length: 60 }, (_, at) => ({
      content: text.slice(0, 1),
      name: text.slice(1, 2),
      quantity: text.slice(2, 3),
      user_id: text.slice(3, 4 + at),
      transaction_id: text.slice(4 + at),
      signature: genuine['signature']!,
    }));
    const ids: string[] = [];
    for (const cut of cuts) {
      const { status, id } = await outcome(cut);
      expect(status).toBe('quarantined');
      ids.push(id);
    }
    const { items } = await gateway.read('/issuances?status=quarantined&limit=500');
    expect(items).toHaveLength(50);
    // Those beyond stand behind the first, and a repeat of one that is kept is a repeat.
    expect(new Set(ids.slice(50))).toEqual(new Set([ids[0]]));
    expect(await outcome(cuts[7]!)).toEqual({ status: 'duplicate', id: ids[7] });
    expect((await outcome(genuine)).status).toBe('recorded');
    expect(await balanceOf('alice')).toEqual([20]);
  });
});

describe('a callback with the signature that leaves the name out', () => {
  it('has no name of anybody’s choice', async () => {
    await use({ KIIP_LEGACY_SIGNATURE: 'true' });
    const callback = unnamed();
    const { status, id } = await outcome({ ...callback, name: 'Diamonds' });
    expect(status).toBe('recorded');
    expect(await gateway.read(`/issuances/${id}`)).toMatchObject({ name: null });
    expect(await outcome({ ...callback, name: 'Coins' })).toEqual({ status: 'duplicate', id });
    expect(await outcome(callback)).toEqual({ status: 'duplicate', id });
  });

  it('has the name that its currency is configured with', async () => {
    await use({ KIIP_LEGACY_SIGNATURE: 'true', KIIP_CURRENCIES: cap(100) });
    const { id } = await outcome(unnamed());
    expect(await gateway.read(`/issuances/${id}`)).toMatchObject({ status: 'recorded', name: 'Coins' });
    expect(await outcome({ ...unnamed(), name: 'Diamonds' })).toMatchObject({ status: 'quarantined' });
  });

  it('is malformed while it is not switched on, and not lost', async () => {
    await use({});
    const callback = unnamed({ transaction_id: transaction() });
    expect((await gateway.callback(callback)).status).toBe(400);
    expect((await gateway.callback({ ...callback, signature: '0'.repeat(40) })).status).toBe(400);
    const kept = await gateway.app.get(RejectedCallbacksService, { strict: false }).all().next();
    expect(JSON.parse(Buffer.from((kept.value as { body: Uint8Array }).body).toString())).toEqual(callback);
  });
});
