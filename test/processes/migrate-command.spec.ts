import { runCommand } from '../support/commands.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { redemption, startKiipGateway } from '../support/kiip.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await newDatabase();
});
beforeEach(() => database.query('drop schema public cascade; create schema public'));
afterAll(() => database.drop());

const migrations = async () =>
  (await database.query('select name from gateway_migrations order by name')).map(({ name }) => name);

describe('npm run migrate', () => {
  it('migrates an empty database, and leaves the schema of a later version as it is', async () => {
    const done = { code: 0, output: 'The schema is up to date.\n' };
    expect(await runCommand('migrate', database.env)).toEqual(done);
    const ours = await migrations();
    expect(ours.length).toBeGreaterThan(1);
    await database.query(`insert into gateway_migrations values ('9999-later', now()::text)`);
    expect(await runCommand('migrate', database.env)).toEqual(done);
    const gateway = await startKiipGateway(database.env);
    expect((await gateway.callback(redemption())).body['status']).toBe('recorded');
    await gateway.close();
    expect(await migrations()).toEqual([...ours, '9999-later']);
  });

  it('exits 78 if the configuration is invalid, and 75 if no server responds', async () => {
    const invalid = await runCommand('migrate', { DATABASE_URL: 'mysql://gateway@127.0.0.1/gateway' });
    expect([invalid.code, invalid.output]).toEqual([
      78,
      expect.stringMatching(/^Invalid configuration.*\n.*DATABASE_URL/),
    ]);
    expect(invalid.output).not.toContain('mysql');
    expect(await runCommand('migrate', { DATABASE_URL: 'postgres://127.0.0.1:1/none' })).toEqual({
      code: 75,
      output: 'storage unavailable: no connection (ECONNREFUSED)\n',
    });
    expect(await database.query(`select to_regclass('gateway_migrations') as it`)).toEqual([{ it: null }]);
  });
});
