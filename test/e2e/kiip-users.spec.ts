import { UserReferencesService } from '../../src/user-references/user-references.service.js';
import { Database } from '../../src/database/database.js';
import type { Environment } from '../../src/config/read-config.js';
import { waitFor } from '../support/wait-for.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { momentOf, sessionCall, startKiipWorld } from '../support/kiip-world.js';
import type { KiipWorld } from '../support/kiip-world.js';

/** Starts gateways one after another on the same database, as after a change of configuration. */
let database: TestDatabase;
let world: KiipWorld;

const use = async (env: Environment = {}) => {
  world = await startKiipWorld({ ...database.env, ...env });
};
const seenUsers = () =>
  world.kiip.requests().map(({ body }) => (JSON.parse(body) as { user?: { userid?: string } }).user?.userid);
/** A service without a cached user, which reads the database. */
const users = () => new UserReferencesService(world.gateway.app.get(Database, { strict: false }));

beforeAll(async () => {
  database = await newDatabase();
});
afterAll(() => database.drop());

describe('a call for a user', () => {
  beforeAll(() => use(), 30_000);
  afterAll(() => world.close());
  beforeEach(() => world.kiip.reset());

  it('sends the user id to Kiip unchanged', async () => {
    const id = 'user+1@example.com 金';
    expect((await world.moment(momentOf(id))).status).toBe(200);
    expect((await world.session({ ...sessionCall, user: { userid: id } })).status).toBe(200);
    expect(seenUsers()).toEqual([id, id]);
  });

  it('stores the user before the request is sent', async () => {
    world.kiip.addFault({ kind: 'hang', route: 'moment' });
    const call = world.moment(momentOf('user-early'));
    await waitFor('Kiip has the call', () => world.kiip.requests().length === 1);
    expect(await users().filterRegistered(['user-early', 'user-never'])).toEqual(new Set(['user-early']));
    world.kiip.reset();
    await call;
  });

  it('stores the user of a session', async () => {
    await world.session({ ...sessionCall, user: { userid: 'user-session' } });
    expect(await users().filterRegistered(['user-session'])).toEqual(new Set(['user-session']));
  });

  it('does not store the user of an invalid request', async () => {
    await world.moment({ ...momentOf('user-refused'), x: 1 });
    expect(await users().filterRegistered(['user-refused'])).toEqual(new Set());
  });

  it('does not store the user of a repeat', async () => {
    await world.moment(momentOf('user-first'), 'key');
    expect((await world.moment(momentOf('user-second'), 'key')).status).toBe(422);
    expect(await users().filterRegistered(['user-first', 'user-second'])).toEqual(new Set(['user-first']));
  });
});

describe('a call for a user with KIIP_USER_REFERENCE=opaque', () => {
  beforeAll(() => use({ KIIP_USER_REFERENCE: 'opaque' }), 30_000);
  afterAll(() => world.close());
  beforeEach(() => world.kiip.reset());

  it('sends the same reference for a user every time, instead of the id', async () => {
    await world.moment(momentOf('12345'));
    await world.session({ ...sessionCall, user: { userid: '12345', age: 31 } });
    await world.moment(momentOf('54321'));
    const [first, second, other] = seenUsers();
    expect(first).toMatch(/^ku_[0-9A-HJKMNP-TV-Z]{26}$/);
    expect(second).toBe(first);
    expect(other).not.toBe(first);
    expect(JSON.stringify(world.kiip.requests())).not.toMatch(/12345|54321/);
  });

  it('sends a reference that resolves to the user', async () => {
    await world.moment(momentOf('user-back'));
    expect(await users().resolve(seenUsers()[0]!)).toBe('user-back');
  });

  it('sends one reference for simultaneous moments of a new user', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => world.moment(momentOf('user-many'))));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(seenUsers()).size).toBe(1);
  });

  it('sends a reference for a user whose id has been sent before', async () => {
    await world.moment(momentOf('user-early'));
    expect(seenUsers()[0]).toMatch(/^ku_/);
  });

  it('sends no reference without a user', async () => {
    await world.moment();
    expect(seenUsers()).toEqual([undefined]);
  });
});
