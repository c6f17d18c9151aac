import { UserReferencesService } from '../../src/user-references/user-references.service.js';
import type { Database } from '../../src/database/database.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';

describe('the users that have been sent to Kiip', () => {
  let server: TestDatabase;
  let database: Database;
  let users: UserReferencesService;
  beforeAll(async () => {
    server = await newDatabase();
    database = await server.open();
  }, 60_000);
  beforeEach(async () => {
    await server.empty();
    users = new UserReferencesService(database);
  });
  afterAll(() => server.drop());
  const version = () => server.query('select xmin, xmax, reference from kiip_user_references');

  test('a user that one process registers is registered for every process', async () => {
    await Promise.all(Array.from({ length: 30 }, () => users.register('user-123')));
    await users.register('user-123');
    const otherProcess = new UserReferencesService(await server.open());
    expect(await otherProcess.filterRegistered(['user-123', 'user-12', ''])).toEqual(new Set(['user-123']));
  });

  test('user ids differ by case, spaces, control characters and length', async () => {
    const ids = [
      'a',
      'A',
      'a ',
      ' a',
      'a\0',
      'ä',
      'a\u0308',
      `${'x'.repeat(20_000)}1`,
      `"{a,b}"`,
      '\\',
      'NULL',
      '',
    ];
    for (const id of ids) await users.register(id);
    const others = ['b', 'a\u{FFFD}', `${'x'.repeat(20_000)}2`, 'null'];
    expect(await users.filterRegistered([...ids, ...others])).toEqual(new Set(ids));
    expect(await users.filterRegistered([])).toEqual(new Set());
  });

  test('thousands of candidates are looked up at once', async () => {
    await users.register('user-4711');
    const candidates = Array.from({ length: 10_000 }, (_, number) => `user-${number}`);
    expect(await users.filterRegistered(candidates)).toEqual(new Set(['user-4711']));
  });

  test('a user has one reference, even if three processes mint one at once', async () => {
    const processes = [
      users,
      new UserReferencesService(await server.open()),
      new UserReferencesService(await server.open()),
    ];
    let minted = 0;
    const mint = () => `ref-${(minted += 1)}`;
    const references = await Promise.all(
      [...processes, ...processes, ...processes].map((each) => each.getReference('user-123', mint)),
    );
    expect(new Set(references).size).toBe(1);
    const [reference = ''] = references;
    expect(await users.resolve(reference)).toBe('user-123');
    expect(await new UserReferencesService(database).getReference('user-123', mint)).toBe(reference);
    expect(await users.filterRegistered(['user-123', reference])).toEqual(new Set(['user-123']));
  });

  test('a process that asks for a reference which is stored writes nothing', async () => {
    await users.getReference('user-123', () => 'ref-1');
    const before = await version();
    const otherProcess = new UserReferencesService(database);
    expect(await otherProcess.getReference('user-123', () => 'ref-2')).toBe('ref-1');
    expect(await version()).toEqual(before);
  });

  test('a user whose id has been sent before gets a reference', async () => {
    await users.register('user-123');
    expect(await users.getReference('user-123', () => 'ref-1')).toBe('ref-1');
    await users.register('user-123');
    expect(await users.resolve('ref-1')).toBe('user-123');
  });

  test('a reference that another user has is minted again', async () => {
    await users.getReference('user-123', () => 'ref-1');
    const references = ['ref-1', 'ref-2'];
    expect(await users.getReference('user-456', () => references.shift() ?? 'ref-3')).toBe('ref-2');
  });

  test.each(['ref-0', '', '\0', 'x'.repeat(20_000)])(
    'a reference that was never minted resolves to no user',
    async (text) => {
      expect(await users.resolve(text)).toBeUndefined();
    },
  );
});
