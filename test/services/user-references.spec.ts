import { UserReferencesService } from '../../src/user-references/user-references.service.js';
import { engines } from '../support/database-engines.js';
import type { Engine } from '../support/database-engines.js';

describe.each(engines)('the users known to Kiip, on %s', (_name, open) => {
  let engine: Engine;
  let users: UserReferencesService;
  beforeAll(async () => {
    engine = await open();
  }, 60_000);
  beforeEach(async () => {
    await engine.empty();
    users = new UserReferencesService(engine.database);
  });
  afterAll(() => engine.close());

  test('are remembered once, by every process', async () => {
    await Promise.all(Array.from({ length: 30 }, () => users.register('user-123')));
    await users.register('user-123');
    const elsewhere = new UserReferencesService(await engine.another());
    expect(await elsewhere.filterRegistered(['user-123', 'user-12', ''])).toEqual(new Set(['user-123']));
  });

  test('are told apart exactly: by case, blanks, control characters and length', async () => {
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
    const strangers = ['b', 'a\u{FFFD}', `${'x'.repeat(20_000)}2`, 'null'];
    expect(await users.filterRegistered([...ids, ...strangers])).toEqual(new Set(ids));
    expect(await users.filterRegistered([])).toEqual(new Set());
  });

  test('are looked up by the thousand', async () => {
    await users.register('user-4711');
    const candidates = Array.from({ length: 10_000 }, (_, number) => `user-${number}`);
    expect(await users.filterRegistered(candidates)).toEqual(new Set(['user-4711']));
  });

  test('have one reference each, the first minted, even if three processes mint at once', async () => {
    const processes = [
      users,
      new UserReferencesService(await engine.another()),
      new UserReferencesService(await engine.another()),
    ];
    let minted = 0;
    const mint = () => `ref-${(minted += 1)}`;
    const references = await Promise.all(
      [...processes, ...processes, ...processes].map((each) => each.getReference('user-123', mint)),
    );
    expect(new Set(references).size).toBe(1);
    const [reference = ''] = references;
    expect(await users.resolve(reference)).toBe('user-123');
    expect(await new UserReferencesService(engine.database).getReference('user-123', mint)).toBe(reference);
    expect(await users.filterRegistered(['user-123', reference])).toEqual(new Set(['user-123']));
  });

  test('get a reference also after they went under their own id', async () => {
    await users.register('user-123');
    expect(await users.getReference('user-123', () => 'ref-1')).toBe('ref-1');
    await users.register('user-123');
    expect(await users.resolve('ref-1')).toBe('user-123');
  });

  test('never share a reference: a second minting of the same is drawn again', async () => {
    await users.getReference('user-123', () => 'ref-1');
    const draws = ['ref-1', 'ref-2'];
    expect(await users.getReference('user-456', () => draws.shift() ?? 'ref-3')).toBe('ref-2');
  });

  test.each(['ref-0', '', '\0', 'x'.repeat(20_000)])(
    'a reference that nobody minted stands for nobody',
    async (text) => {
      expect(await users.resolve(text)).toBeUndefined();
    },
  );
});
