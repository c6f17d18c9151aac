import { writeFileSync } from 'node:fs';
import { hasDisks } from '../support/disk.js';
import { FAULTS } from '../support/faults.js';
import type { Fault } from '../support/faults.js';
import { startFleet } from '../support/fleet.js';
import type { Fleet, FleetOptions } from '../support/fleet.js';
import { pageOf, tableOf } from '../support/fault-report.js';
import { seededRandom } from '../support/random.js';
import { isRedisInstalled } from '../support/redis.js';
import { runFault } from '../support/run-fault.js';
import type { FaultResult } from '../support/run-fault.js';

/** A run of `npm run chaos`: see tools/chaos.js. */
interface Run {
  readonly command: string;
  /** The names of the faults to inject, or parts of them. None: all, and the page is written. */
  readonly only: readonly string[];
  readonly rounds?: number;
  /** Of the rounds in the table. */
  readonly share: number;
}

/** Without the command: a few rounds of a few faults, to see that it works. */
const SMALL = ['a gateway is killed', 'PostgreSQL commits, and its response is lost'];
const LIMIT_MS = 1_800_000;
const PAGE = new URL('../../docs/chaos.md', import.meta.url);

const run =
  process.env['CHAOS_RUN'] === undefined ? undefined : (JSON.parse(process.env['CHAOS_RUN']) as Run);
const only = run?.only ?? SMALL;
const isNamed = (part: string) => FAULTS.some(({ name }) => name === part);
const wanted = FAULTS.filter(
  ({ name }) =>
    only.length === 0 || only.some((part) => (isNamed(part) ? name === part : name.includes(part))),
);
const lacks = { disk: !hasDisks, redis: !isRedisInstalled };
const faults = wanted.filter(({ needs }) => needs === undefined || !lacks[needs]);
const roundsOf = (rounds: number) => (run ? (run.rounds ?? Math.max(1, Math.round(rounds * run.share))) : 3);

describe('the gateways, when', () => {
  const startedAt = performance.now();
  const results: FaultResult[] = [];
  let fleet: Fleet | undefined;
  let options: FleetOptions | undefined;

  /** The fleet of the row before, if that is as this one wants it. */
  async function fleetOf(fault: Fault): Promise<Fleet> {
    if (fleet && options === fault.fleet) return fleet;
    await closeFleet();
    options = fault.fleet;
    fleet = await startFleet(options);
    return fleet;
  }
  async function closeFleet(): Promise<void> {
    await fleet?.close();
    fleet = undefined;
  }

  test.each(faults)(
    '$name, lose and double nothing',
    async (fault) => {
      const random = seededRandom(FAULTS.indexOf(fault));
      const result = await runFault(await fleetOf(fault), fault, roundsOf(fault.rounds), random).catch(
        async (error: unknown) => {
          // The fault may not have ended.
          await closeFleet();
          throw error;
        },
      );
      results.push(result);
      if (run) process.stderr.write(`${tableOf([result]).split('\n').at(-1)}\n`);
      expect({ ...result, recoveryMs: [] }).toMatchObject({ lost: 0, doubled: 0, problems: [] });
    },
    LIMIT_MS,
  );

  afterAll(async () => {
    await closeFleet();
    if (!run) return;
    process.stdout.write(`\n${tableOf(results)}\n`);
    for (const fault of wanted)
      if (!faults.includes(fault))
        process.stdout.write(`LEFT OUT: ${fault.name}, for want of ${fault.needs}\n`);
    const minutes = (performance.now() - startedAt) / 60_000;
    if (only.length === 0 && results.length === FAULTS.length)
      writeFileSync(PAGE, pageOf(results, run.command, minutes));
  });
});
