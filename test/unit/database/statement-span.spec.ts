import { PreparedStatement, preparedName } from '../../../src/database/prepared-statement.js';
import { summarizeStatement } from '../../../src/database/statement-span.js';

const NAMED = 'with a as (select 1) insert into t select * from a';

it.each([
  ['select "id" from "ledger" where "id" = $1 for update skip locked', 'SELECT ledger'],
  ['insert into "kiip_users" ("id") values ($1) on conflict do update set "id" = 1', 'INSERT kiip_users'],
  ['with due as (select id from x for update) update deliveries set a = 1 from due', 'UPDATE deliveries'],
  ['delete from "refused" where "at" < $1', 'DELETE refused'],
  ['\n  with a as (select 1) select * from a', 'SELECT a'],
  ['begin', 'BEGIN'],
])('summarizes %j', (text, summary) => {
  expect(summarizeStatement(text)).toEqual({ operation: summary.split(' ')[0], summary });
});

it('names a prepared statement', () => {
  expect(summarizeStatement(NAMED).summary).toBe('INSERT t');
  void new PreparedStatement('named', NAMED);
  expect(preparedName(NAMED)).toBe('gateway_named');
  expect(summarizeStatement(NAMED).summary).toBe('INSERT gateway_named');
});
