// `npm run chaos -- [--only NAME]… [--rounds N] [--seed S] [--minutes M]`: injects every fault of test/support/faults.ts, prints a
// table, and writes docs/chaos.md. Jest runs it, as it runs the tests: with its seed, its sources and its PostgreSQL.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildIfChanged } from './build-if-changed.js';

/** What all rounds of the table take on two cores. */
const MINUTES = 45;

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    rounds: { type: 'string' },
    seed: { type: 'string', default: String(randomInt(1, 2 ** 31)) },
    minutes: { type: 'string', default: String(MINUTES) },
  },
});
const number = (name) => {
  const value = Number(values[name]);
  if (!(value > 0)) throw new Error(`--${name} must be a positive number.`);
  return value;
};
const shown = (value) => (/\s/.test(value) ? `'${value}'` : value);
const command = Object.entries(values)
  .filter(([name, value]) => name !== 'minutes' || value !== String(MINUTES))
  .flatMap(([name, value]) => [value].flat().map((each) => ` --${name} ${shown(each)}`))
  .reduce((text, option) => text + option, 'npm run chaos --');
const run = {
  command,
  only: values.only,
  rounds: values.rounds && number('rounds'),
  share: number('minutes') / MINUTES,
};
await buildIfChanged();
console.error(command);
const jest = fileURLToPath(new URL('../node_modules/jest/bin/jest.js', import.meta.url));
const { status } = spawnSync(
  process.execPath,
  [jest, 'test/chaos/faults.spec.ts', '--runInBand', '--forceExit', `--seed=${number('seed')}`],
  { stdio: 'inherit', env: { ...process.env, TEST_SCALE: '1', CHAOS_RUN: JSON.stringify(run) } },
);
process.exitCode = status ?? 1;
