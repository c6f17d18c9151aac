import { readFileSync } from 'node:fs';
import { Pool } from 'pg';
import { receive } from '../../docs/consumer.js';
import { createEvent, ENTRY, signEvent } from '../support/wallet-client.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import type { SignedEvent } from '../support/wallet-client.js';

const SECRET = `whsec_${Buffer.alloc(32, 'secret').toString('base64')}`;
const source = readFileSync(new URL('../../docs/consumer.ts', import.meta.url), 'utf8');

let home: TestDatabase;
let database: Pool;

beforeAll(async () => {
  home = await newDatabase();
  database = new Pool({ connectionString: home.url });
  // The database is dropped while the last connections close.
  database.on('error', () => undefined);
  await database.query(source.match(/(?<=^\/\/ )create table .*$/gm)!.join('\n'));
});
beforeEach(() => database.query('delete from seen_events; delete from balances'));
afterAll(async () => {
  await database.end();
  await home.drop();
});

const send = ({ headers, body }: SignedEvent, secret = SECRET) => receive(database, secret, headers, body);
const issue = (entry: Partial<typeof ENTRY> = {}) => send(signEvent(createEvent(entry), [SECRET], entry.id));
const balances = async () =>
  (await database.query('select user_id, content, quantity::int from balances')).rows;
const seen = async () => (await database.query('select * from seen_events')).rows;

describe('the consumer of docs/consumer.ts', () => {
  it('credits an event once, however often it arrives at the same time', async () => {
    const statuses = await Promise.all(Array.from({ length: 20 }, () => issue()));
    expect(statuses).toEqual(statuses.map(() => 200));
    expect(await balances()).toEqual([{ user_id: ENTRY.user_id, content: ENTRY.content, quantity: 20 }]);
    await issue({ id: 'another', quantity: 5 });
    expect(await balances()).toMatchObject([{ quantity: 25 }]);
  });

  it('does not remember an event that it could not credit', async () => {
    await database.query('alter table balances add constraint small check (quantity < 100)');
    await expect(issue({ quantity: 100 })).rejects.toThrow('small');
    expect(await seen()).toEqual([]);
    await database.query('alter table balances drop constraint small');
    expect(await issue({ quantity: 100 })).toBe(200);
    expect(await balances()).toMatchObject([{ quantity: 100 }]);
  });

  it('rejects an event that is not signed with its secret', async () => {
    expect(
      await send(signEvent(createEvent(), [SECRET]), `whsec_${Buffer.alloc(32).toString('base64')}`),
    ).toBe(401);
    expect(await send({ headers: {}, body: createEvent() })).toBe(401);
    expect(await seen()).toEqual([]);
  });

  it('accepts test events and events of other types without crediting them', async () => {
    expect(await issue({ test: true })).toBe(200);
    expect(await send(signEvent('{"type":"kiip.other","data":{}}', [SECRET]))).toBe(200);
    expect(await balances()).toEqual([]);
  });
});
