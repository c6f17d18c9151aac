import { UserReferencesService } from '../../src/user-references/user-references.service.js';
import { Database } from '../../src/database/database.js';
import type { Environment } from '../../src/config/read-config.js';
import { until } from '../support/wait-for.js';
import { dataFolder, momentOf, sessionCall, startKiipWorld } from '../support/kiip-world.js';
import type { KiipWorld } from '../support/kiip-world.js';

/** One gateway after the other on one folder, as after a change of configuration. */
const folder = dataFolder();
let world: KiipWorld;

const use = async (env: Environment = {}) => {
  world = await startKiipWorld({ ...folder.env, ...env });
};
const seenUsers = () =>
  world.kiip.requests().map(({ body }) => (JSON.parse(body) as { user?: { userid?: string } }).user?.userid);
/** With nothing in mind: what the database says. */
const users = () => new UserReferencesService(world.gateway.app.get(Database, { strict: false }));

afterAll(() => folder.remove());

describe('a user id', () => {
  beforeAll(() => use(), 30_000);
  afterAll(() => world.close());
  beforeEach(() => world.kiip.reset());

  it('goes to Kiip as it is', async () => {
    const id = 'user+1@example.com 金';
    expect((await world.moment(momentOf(id))).status).toBe(200);
    expect((await world.session({ ...sessionCall, user: { userid: id } })).status).toBe(200);
    expect(seenUsers()).toEqual([id, id]);
  });

  it('is remembered before the request leaves', async () => {
    world.kiip.addFault({ kind: 'hang', route: 'moment' });
    const call = world.moment(momentOf('user-early'));
    await until('Kiip has the call', () => world.kiip.requests().length === 1);
    expect(await users().filterRegistered(['user-early', 'user-never'])).toEqual(new Set(['user-early']));
    world.kiip.reset();
    await call;
  });

  it('of a session is remembered, too', async () => {
    await world.session({ ...sessionCall, user: { userid: 'user-session' } });
    expect(await users().filterRegistered(['user-session'])).toEqual(new Set(['user-session']));
  });

  it('that is refused is not remembered', async () => {
    await world.moment({ ...momentOf('user-refused'), x: 1 });
    expect(await users().filterRegistered(['user-refused'])).toEqual(new Set());
  });

  it('of a repeat is not remembered', async () => {
    await world.moment(momentOf('user-first'), 'key');
    expect((await world.moment(momentOf('user-second'), 'key')).status).toBe(422);
    expect(await users().filterRegistered(['user-first', 'user-second'])).toEqual(new Set(['user-first']));
  });
});

describe('with KIIP_USER_REFERENCE=opaque', () => {
  beforeAll(() => use({ KIIP_USER_REFERENCE: 'opaque' }), 30_000);
  afterAll(() => world.close());
  beforeEach(() => world.kiip.reset());

  it('a reference of fixed shape goes instead, the same for a user at all times', async () => {
    await world.moment(momentOf('12345'));
    await world.session({ ...sessionCall, user: { userid: '12345', age: 31 } });
    await world.moment(momentOf('54321'));
    const [first, second, other] = seenUsers();
    expect(first).toMatch(/^ku_[0-9A-HJKMNP-TV-Z]{26}$/);
    expect(second).toBe(first);
    expect(other).not.toBe(first);
    expect(JSON.stringify(world.kiip.requests())).not.toMatch(/12345|54321/);
  });

  it('stands for the user who is mapped back', async () => {
    await world.moment(momentOf('user-back'));
    expect(await users().resolve(seenUsers()[0]!)).toBe('user-back');
  });

  it('is one, however many moments of a new user come at once', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => world.moment(momentOf('user-many'))));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(seenUsers()).size).toBe(1);
  });

  it('is minted for a user who went to Kiip as he is before', async () => {
    await world.moment(momentOf('user-early'));
    expect(seenUsers()[0]).toMatch(/^ku_/);
  });

  it('a moment of nobody bears none', async () => {
    await world.moment();
    expect(seenUsers()).toEqual([undefined]);
  });
});
