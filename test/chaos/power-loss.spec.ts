import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  dataDirOf,
  inspect,
  killServerProcesses,
  startWorld,
  waitForMoment,
} from '../support/crash-world.js';
import { CrashableGateway } from '../support/crashable-gateway.js';
import { describeWithDisk, Disk } from '../support/disk.js';
import { seededRandom } from '../support/random.js';
import { scale } from '../support/scale.js';
import { waitFor } from '../support/wait-for.js';

/** Long enough for a slow machine; it measures nothing. */
const LIMIT_MS = 3_600_000;

describeWithDisk('a gateway on the embedded PostgreSQL', () => {
  test(
    'keeps every acknowledged callback exactly once when the machine loses power at random moments, and with it all that was not flushed',
    async () => {
      const disk = Disk.create();
      const random = seededRandom();
      const gateway = await CrashableGateway.on({ DATABASE_URL: '', DATA_DIR: join(disk.path, 'data') });
      const unflushed = join(disk.path, 'unflushed');
      try {
        gateway.start();
        const world = startWorld([{ gateway, kills: [], random }]);
        for (let round = 0; round < scale(1, 20); round += 1) {
          await waitForMoment('traffic', gateway, world.kiip, random);
          writeFileSync(unflushed, 'lost');
          await gateway.kill();
          await waitFor('no server process is left', () => killServerProcesses(dataDirOf(gateway)) === 0);
          disk.losePower();
          expect(existsSync(unflushed) ? readFileSync(unflushed, 'utf8') : '').toBe('');
          gateway.start();
        }
        await world.kiip.finish();
        await world.reader.finish();
        await inspect(world);
      } finally {
        await gateway.close();
        await waitFor('no server process is left', () => killServerProcesses(dataDirOf(gateway)) === 0);
        disk.destroy();
      }
    },
    LIMIT_MS,
  );
});
