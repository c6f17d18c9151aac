import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.join(import.meta.dirname, '../../../src');

/** Why each of these reads the clock of the machine: what it makes is a date, or it compares with a date of somebody else. */
const DATES: Readonly<Record<string, string>> = {
  'async/monotonic.ts': 'shows a moment as a date',
  'cache/entry-seal.service.ts': 'the age of an entry is the longer of two, by two clocks',
  'cache/read-through.ts': '`as_of`',
  'caller-auth/api-key-authenticator.ts': 'when a key was last used',
  'caller-auth/jwt-authenticator.ts': 'the date at which a token expires',
  'hub-summary/hub-summary.controller.ts': '`as_of`',
  'kiip-callbacks/callback-spool.ts': 'files are named by their date, for other processes and machines',
  'ledger/ledger-id.ts': 'ids begin with their date',
  'ledger/ledger-window.ts': 'a period between two dates',
  'log/logger.ts': 'the time of a line',
  'upstream/retry-after.ts': 'a date in a header without the date of the response',
};

it('measures durations and deadlines by a clock that nobody can set', () => {
  const files = globSync('**/*.ts', { cwd: root });
  const users = files.filter((file) => readFileSync(path.join(root, file), 'utf8').includes('Date.now()'));
  expect(users.toSorted()).toEqual(Object.keys(DATES).toSorted());
});
