import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database } from '../../src/database/database.js';
import { EmbeddedServer } from '../../src/database/embedded-server.js';
import type { FeedEntry } from '../support/callback-sender.js';
import {
  dataDirOf,
  IN_FLIGHT,
  inspect,
  killServer,
  startWorld,
  WAIT_SECONDS,
  waitForMoment,
} from '../support/crash-world.js';
import type { Kill, Target, World } from '../support/crash-world.js';
import { CrashableGateway } from '../support/crashable-gateway.js';
import { seededRandom } from '../support/random.js';
import { scale } from '../support/scale.js';
import { waitFor } from '../support/wait-for.js';

/** Long enough for a slow machine; it measures nothing. */
const LIMIT_MS = 3_600_000;

function createTarget(
  gateway: CrashableGateway,
  stream: number,
  gatewayKills: number,
  serverKills: number,
): Target {
  const random = seededRandom(stream);
  const kills: Kill[] = [
    ...Array.from({ length: gatewayKills }, (_, index) => ({
      process: 'gateway' as const,
      moment: index % 8 === 1 ? ('start' as const) : ('traffic' as const),
    })),
    ...Array.from({ length: serverKills }, (_, index) => ({
      process: 'server' as const,
      moment: index % 4 === 3 ? ('start' as const) : ('traffic' as const),
    })),
  ];
  const shuffled = kills
    .map((kill) => ({ kill, key: random() }))
    .toSorted((one, other) => one.key - other.key);
  return { gateway, kills: shuffled.map(({ kill }) => kill), random };
}

describe('gateways that are killed at random moments', () => {
  test(
    'keep every acknowledged callback exactly once on embedded PostgreSQL servers, which are killed as well',
    async () => {
      // They run and are killed independently of each other.
      const count = scale(1, 2);
      const gateways: CrashableGateway[] = [];
      try {
        for (let index = 0; index < count; index += 1) {
          const DATA_DIR = mkdtempSync(join(tmpdir(), 'gateway-data-'));
          gateways.push(await CrashableGateway.on({ DATABASE_URL: '', DATA_DIR }));
        }
        const worlds = gateways.map((gateway, stream) => {
          const target = createTarget(gateway, stream, scale(2, 199) / count, scale(1, 50) / count);
          return startWorld([
            { ...target, kills: [{ process: 'gateway', moment: 'creation' }, ...target.kills] },
          ]);
        });
        await killAll(worlds);
        for (const { reader, targets } of worlds) {
          const server = new EmbeddedServer(dataDirOf(targets[0]!.gateway));
          const database = new Database({ server, timeoutMs: 10_000 });
          await database.migrate();
          expect(await readJobIds(database)).toEqual(idsOf(reader.entries));
          await database.close();
        }
      } finally {
        for (const gateway of gateways) {
          await gateway.close();
          killServer(dataDirOf(gateway));
          rmSync(dataDirOf(gateway), { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
        }
      }
    },
    LIMIT_MS,
  );
});

/** Kills processes while callbacks are sent, checks what the last gateways report, and kills these too. */
async function killAll(worlds: readonly World[]): Promise<void> {
  await Promise.all(
    worlds.flatMap(({ kiip, targets }) =>
      targets.map(async ({ gateway, kills, random }) => {
        gateway.start();
        for (const { process, moment } of kills) {
          await waitForMoment(moment, gateway, kiip, random);
          if (process === 'server') {
            await waitFor('the server is killed', () => killServer(dataDirOf(gateway)), WAIT_SECONDS);
          } else {
            await gateway.kill();
            gateway.start();
          }
        }
      }),
    ),
  );
  const kills = worlds.flatMap(({ targets }) => targets.flatMap((target) => target.kills));
  const countSent = () => worlds.reduce((sum, { kiip }) => sum + kiip.sent.size, 0);
  // A few kills may all have been right after a start.
  await waitFor(
    'more callbacks are sent than a kill can hit',
    () => countSent() > kills.length * IN_FLIGHT,
    WAIT_SECONDS,
  );
  await Promise.all(worlds.map(({ kiip }) => kiip.finish()));
  await Promise.all(worlds.map(({ reader }) => reader.finish()));

  for (const world of worlds) await inspect(world);
  const lost = worlds.reduce((sum, { kiip }) => sum + kiip.lost, 0);
  // Callbacks were in flight when processes were killed, not only between the kills.
  const withTraffic = kills.filter(({ process, moment }) => process === 'gateway' && moment === 'traffic');
  expect(lost).toBeGreaterThan(withTraffic.length / 2);
  console.info(`${kills.length} kills, ${countSent()} callbacks, ${lost} attempts without a response`);
}

const idsOf = (entries: readonly FeedEntry[]) => entries.map(({ id }) => id).toSorted();

/** Reads the ids of the ledger entries that have a delivery job. */
async function readJobIds(database: Database): Promise<string[]> {
  const rows = await database.run((db) => db.selectFrom('delivery_outbox').select('ledger_id').execute());
  return rows.map(({ ledger_id }) => ledger_id).toSorted();
}
