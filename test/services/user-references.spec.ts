import { KnownUsers } from '../../src/user-references/user-references.service.js';
import { engines } from '../support/database-engines.js';
import type { Engine } from '../support/database-engines.js';

describe.each(engines)('the users known to Kiip, on %s', (_name, open) => {
  let engine: Engine;
  let users: KnownUsers;
  beforeAll(async () => {
    engine = await open();
  }, 60_000);
  beforeEach(async () => {
    await engine.empty();
    users = new KnownUsers(engine.database);
  });
  afterAll(() => engine.close());

  test('are remembered once, by every process', async () => {
    await Promise.all(Array.from({ length: 30 }, () => users.rememberUser('user-123')));
    await users.rememberUser('user-123');
    const elsewhere = new KnownUsers(await engine.another());
    expect(await elsewhere.knownUsers(['user-123', 'user-12', ''])).toEqual(new Set(['user-123']));
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
    for (const id of ids) await users.rememberUser(id);
    const strangers = ['b', 'a\u{FFFD}', `${'x'.repeat(20_000)}2`, 'null'];
    expect(await users.knownUsers([...ids, ...strangers])).toEqual(new Set(ids));
    expect(await users.knownUsers([])).toEqual(new Set());
  });

  test('are looked up by the thousand', async () => {
    await users.rememberUser('user-4711');
    const candidates = Array.from({ length: 10_000 }, (_, number) => `user-${number}`);
    expect(await users.knownUsers(candidates)).toEqual(new Set(['user-4711']));
  });

  test('have one reference each, the first minted, even if three processes mint at once', async () => {
    const processes = [users, new KnownUsers(await engine.another()), new KnownUsers(await engine.another())];
    let minted = 0;
    const mint = () => `ref-${(minted += 1)}`;
    const references = await Promise.all(
      [...processes, ...processes, ...processes].map((each) => each.referenceFor('user-123', mint)),
    );
    expect(new Set(references).size).toBe(1);
    const [reference = ''] = references;
    expect(await users.userFor(reference)).toBe('user-123');
    expect(await new KnownUsers(engine.database).referenceFor('user-123', mint)).toBe(reference);
    expect(await users.knownUsers(['user-123', reference])).toEqual(new Set(['user-123']));
  });

  test('get a reference also after they went under their own id', async () => {
    await users.rememberUser('user-123');
    expect(await users.referenceFor('user-123', () => 'ref-1')).toBe('ref-1');
    await users.rememberUser('user-123');
    expect(await users.userFor('ref-1')).toBe('user-123');
  });

  test('never share a reference: a second minting of the same is drawn again', async () => {
    await users.referenceFor('user-123', () => 'ref-1');
    const draws = ['ref-1', 'ref-2'];
    expect(await users.referenceFor('user-456', () => draws.shift() ?? 'ref-3')).toBe('ref-2');
  });

  test.each(['ref-0', '', '\0', 'x'.repeat(20_000)])(
    'a reference that nobody minted stands for nobody',
    async (text) => {
      expect(await users.userFor(text)).toBeUndefined();
    },
  );
});
