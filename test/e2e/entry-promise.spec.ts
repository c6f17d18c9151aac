import type { Environment } from '../../src/config/read-config.js';
import { content, manyReadings, redemption, startKiipGateway } from '../support/kiip.js';
import { momentOf } from '../support/kiip-world.js';
import { fieldsOf, startPromiseWorld } from '../support/promise-world.js';
import type { PromiseWorld } from '../support/promise-world.js';

interface Reading {
  readonly name: string;
  readonly quantity: string;
  readonly user_id: string;
  readonly user_known: boolean;
  readonly transaction_id: string;
}

interface Entry {
  readonly reason: string | null;
  readonly transaction_id: string;
  readonly verification: {
    readonly promise: Record<string, unknown> | null;
    readonly readings: Reading[];
    readonly readings_complete: boolean;
  };
  readonly timeline: readonly { readonly event: string; readonly detail?: string; readonly at: string }[];
}

/** What a callback is quarantined for, and its readings. */
async function judge(fields: Record<string, string>, env: Environment = {}) {
  const gateway = await startKiipGateway(env);
  await gateway.know('1user', 'user');
  const { body } = await gateway.callback(redemption(fields));
  const { reason, verification } = (await gateway.read(
    `/issuances/${String(body['id'])}`,
  )) as unknown as Entry;
  await gateway.close();
  return { reason, verification };
}

describe('with the default configuration', () => {
  let world: PromiseWorld;
  const entry = async (id: string) => (await world.gateway.read(`/issuances/${id}`)) as unknown as Entry;
  const rewardsOf = async (user: string) => (await world.gateway.read(`/users/${user}/rewards`)).items;

  beforeAll(async () => {
    world = await startPromiseWorld();
  });
  afterAll(() => world.close());
  beforeEach(() => {
    world.kiip.configure({ virtualValue: true, currencyName: 'Coins', currencyQuantity: 20 });
  });

  it('an entry has the moment and the reward that promised it', async () => {
    const reward = await world.reward('promised');
    const { id } = await world.send(redemption(fieldsOf(reward)));
    const { verification, timeline } = await entry(id);
    expect(verification).toMatchObject({
      promise: {
        user_id: 'promised',
        reward_id: reward.view_id,
        moment_id: reward.moment_id,
        quantity: '20',
        promised_at: expect.any(String),
      },
      readings: [],
      readings_complete: true,
    });
    expect(timeline.slice(0, 3)).toEqual([
      { event: 'rewarded', detail: reward.moment_id, at: expect.any(String) },
      { event: 'promised', detail: reward.view_id, at: verification.promise!['promised_at'] },
      { event: 'received', at: expect.any(String) },
    ]);
  });

  it('an entry for another user has whom the reward was promised to', async () => {
    const { transaction_id } = fieldsOf(await world.reward('owner'));
    const other = await world.reward('other');
    const { id } = await world.send(redemption({ ...fieldsOf(other), transaction_id: transaction_id! }));
    const { reason, verification } = await entry(id);
    expect(reason).toBe('promised-to-another-user: user_id');
    expect(verification.promise).toMatchObject({ user_id: 'owner', quantity: '20' });
  });

  it('an entry whose quantity nothing promises has its other quantities as readings', async () => {
    world.kiip.configure({ virtualValue: false, currencyQuantity: 120 });
    const reward = await world.reward('unclear');
    const { id } = await world.send(redemption(fieldsOf(reward)));
    const { reason, verification } = await entry(id);
    expect(reason).toBe('more-than-one-reading');
    expect(verification.promise).toMatchObject({ user_id: 'unclear', quantity: null, moment_id: null });
    expect(verification.readings).toContainEqual({
      formula: 'redemption',
      content,
      name: 'Coins1',
      quantity: '20',
      user_id: 'unclear',
      user_known: true,
      transaction_id: reward.view_id,
      nonce: null,
      origin: null,
    });
    expect(await world.decide(id, 'release')).toBe(200);
    expect((await entry(id)).verification.readings).toEqual([]);
  });

  it('the rewards of a user, newest first, have the entry of their callback', async () => {
    const [first, second] = [await world.reward('collector'), await world.reward('collector')];
    await world.reward('somebody-else');
    const { id } = await world.send(redemption(fieldsOf(first)));
    const common = { moment_id: momentOf('').moment.id, user_id: 'collector', virtual_value: '20' };
    expect(await rewardsOf('collector')).toEqual([
      { ...common, reward_id: second.view_id, rewarded_at: expect.any(String), issuance_id: null },
      { ...common, reward_id: first.view_id, rewarded_at: expect.any(String), issuance_id: id },
    ]);
    // A callback may name the reward with or without `test_`. It is another entry: the first one waits.
    const { id: other } = await world.send(
      redemption({ ...fieldsOf(second), transaction_id: `test_${second.view_id}` }),
    );
    expect((await rewardsOf('collector')).map(({ issuance_id }) => issuance_id)).toEqual([other, id]);
    expect(await rewardsOf('nobody')).toEqual([]);
  });
});

describe('with KIIP_UNKNOWN_REWARDS=accept', () => {
  it('the readings of a signed text name its users, those who went to Kiip first', async () => {
    const { reason, verification } = await judge({ quantity: '201', user_id: 'user' });
    expect(reason).toBe('more-than-one-reading');
    expect(verification.promise).toBeNull();
    const readings = verification.readings.map((reading) => [
      reading.quantity,
      reading.user_id,
      reading.user_known,
    ]);
    expect(readings).toEqual([
      ['20', '1user', true],
      ['2', '01user', false],
    ]);
    expect(verification.readings_complete).toBe(true);
  });

  it('says when there are more readings than it lists', async () => {
    const { verification } = await judge({ content: manyReadings });
    expect(verification).toMatchObject({ readings: [], readings_complete: false });
  });

  it('an entry that breaks a rule has the readings that break none', async () => {
    const { reason, verification } = await judge({ name: 'Coins2', quantity: '0', user_id: '1user' });
    expect(reason).toBe('field-shape: quantity');
    expect(verification.readings).toContainEqual(
      expect.objectContaining({ name: 'Coins', quantity: '20', user_id: '1user', user_known: true }),
    );
  });
});
