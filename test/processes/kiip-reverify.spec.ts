import { runCommand } from '../support/commands.js';
import { issuance, redemption, startKiipGateway } from '../support/kiip.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';

const reverify = (env: Record<string, string>) => runCommand('kiip-reverify', env);

describe('npm run kiip:reverify', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await newDatabase();
  });

  afterEach(() => database.drop());

  it('records genuine callbacks that were rejected because of a wrong secret, and no forged ones', async () => {
    const wrong = await startKiipGateway({ ...database.env, KIIP_APP_SECRETS: 'a-typing-error' });
    const genuine = redemption({ user_id: 'late' });
    const forged = redemption({ user_id: 'thief' }, 'not-kiips-secret');
    expect((await wrong.form(genuine)).status).toBe(401);
    expect((await wrong.form(genuine)).status).toBe(401);
    expect((await wrong.callback(issuance({ user_id: 'late' }))).status).toBe(401);
    expect((await wrong.callback(forged)).status).toBe(401);
    await wrong.close();

    const first = await reverify(database.env);
    expect([first.code, JSON.parse(first.output)]).toEqual([
      0,
      { recorded: 2, duplicate: 0, quarantined: 0, rejected: 1 },
    ]);
    const again = await reverify(database.env);
    expect(JSON.parse(again.output)).toEqual({ recorded: 0, duplicate: 0, quarantined: 0, rejected: 1 });

    const right = await startKiipGateway(database.env);
    const { items } = await right.read('/issuances');
    expect(items.map(({ user_id, kind, status }) => [user_id, kind, status])).toEqual([
      ['late', 'redemption', 'recorded'],
      ['late', 'issuance', 'recorded'],
    ]);
    expect((await right.form(genuine)).body).toMatchObject({ status: 'duplicate' });
    await right.close();
  });
});
