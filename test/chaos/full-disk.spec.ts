import { join } from 'node:path';
import { CallbackSender } from '../support/callback-sender.js';
import { dataDirOf, killServerProcesses } from '../support/crash-world.js';
import { CrashableGateway } from '../support/crashable-gateway.js';
import { describeWithDisk, Disk } from '../support/disk.js';
import { redemption } from '../support/kiip.js';
import { waitFor } from '../support/wait-for.js';

/** Long enough for a slow machine; it measures nothing. */
const LIMIT_MS = 600_000;
const WAIT_SECONDS = 120;

describeWithDisk('a gateway on the embedded PostgreSQL', () => {
  test(
    'answers callbacks 503 while its disk is full, and records them again once there is space, without a restart',
    async () => {
      const disk = Disk.create();
      const gateway = await CrashableGateway.on({ DATABASE_URL: '', DATA_DIR: join(disk.path, 'data') });
      const sender = new CallbackSender();
      const acknowledged: string[] = [];
      /** Sends a callback. @returns the status of its response */
      const send = async () => {
        const { status, id } = await sender.callback(gateway.origin, redemption());
        if (status === 200) acknowledged.push(id!);
        return status;
      };
      const isRecorded = async () => (await send()) === 200;
      try {
        gateway.start();
        await waitFor('a callback is recorded', isRecorded, WAIT_SECONDS);
        for (let round = 0; round < 2; round += 1) {
          const empty = disk.fill();
          await waitFor(
            'there is no space left',
            async () => {
              const statuses = await Promise.all(Array.from({ length: 50 }, send));
              expect(statuses.every((status) => status === 200 || status === 503)).toBe(true);
              return statuses.every((status) => status === 503);
            },
            WAIT_SECONDS,
          );
          // The server starts again on the full disk, or it does not: the gateway stays.
          if (round === 1) killServerProcesses(dataDirOf(gateway));
          empty();
          await waitFor('callbacks are recorded again', isRecorded, WAIT_SECONDS);
        }
        const ids = (await sender.ledger(gateway.origin)).map(({ id }) => id);
        expect(acknowledged.filter((id) => !ids.includes(id))).toEqual([]);
        expect(gateway.log.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
      } finally {
        await sender.close();
        await gateway.close();
        await waitFor('no server process is left', () => killServerProcesses(dataDirOf(gateway)) === 0);
        disk.destroy();
      }
    },
    LIMIT_MS,
  );
});
