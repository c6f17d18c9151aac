import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PostgresServer } from './postgres.js';
import { waitFor } from './wait-for.js';

/** A server that archives its WAL, and that can be restored from a base backup and the archive, as docs/backup-and-restore.md says. */
export class ArchivedPostgres {
  private readonly data: string;
  private readonly archive: string;
  private readonly backup: string;

  private constructor(readonly server: PostgresServer) {
    this.data = join(server.folder, 'data');
    this.archive = join(server.folder, 'archive');
    this.backup = join(server.folder, 'backup');
  }

  static async create(): Promise<ArchivedPostgres> {
    const archived = new ArchivedPostgres(await PostgresServer.create());
    await archived.server.stop();
    archived.#run('mkdir', archived.archive);
    await archived.start();
    return archived;
  }

  start(): Promise<void> {
    const command = `test ! -f ${this.archive}/%f && cp %p ${this.archive}/%f`;
    return this.server.start('archive_mode=on', `archive_command=${command}`);
  }

  /** What pg_basebackup does, which the package of npm does not have. */
  async backUp(): Promise<void> {
    const client = await this.server.client('postgres');
    await client.query(`select pg_backup_start('drill', fast => true)`);
    // Files that come and go meanwhile are no error.
    spawnSync('cp', ['-a', this.data, this.backup], { ...this.server.user });
    const { rows } = await client.query<{ labelfile: string }>('select labelfile from pg_backup_stop()');
    await client.end();
    rmSync(join(this.backup, 'postmaster.pid'));
    this.#run('touch', join(this.backup, 'backup_label'));
    writeFileSync(join(this.backup, 'backup_label'), rows[0]!.labelfile);
  }

  /** Waits until everything so far is in the archive. Then the files of the server are lost. */
  async lose(): Promise<void> {
    const [file] = await this.server.query('postgres', 'select pg_walfile_name(pg_switch_wal()) as name');
    await waitFor('the WAL is archived', async () => {
      const [row] = await this.server.query('postgres', 'select last_archived_wal from pg_stat_archiver');
      return String(row!['last_archived_wal']) >= String(file!['name']);
    });
    await this.server.stop('SIGQUIT');
    rmSync(this.data, { recursive: true });
  }

  /** Restores the database as it was at a time. It can be read, and waits for `promote`. */
  async restore(time: string): Promise<void> {
    this.#run('cp', '-a', this.backup, this.data);
    this.#run('touch', join(this.data, 'recovery.signal'));
    appendFileSync(
      join(this.data, 'postgresql.auto.conf'),
      `restore_command = 'cp ${this.archive}/%f %p'
       recovery_target_time = '${time}'
       recovery_target_action = 'pause'`,
    );
    await this.start();
    await waitFor('the time is reached', async () => {
      const [row] = await this.server.query('postgres', 'select pg_get_wal_replay_pause_state() as state');
      return row!['state'] === 'paused';
    });
  }

  async promote(): Promise<void> {
    await this.server.query('postgres', 'select pg_wal_replay_resume()');
    await waitFor('the recovery has ended', async () => {
      const [row] = await this.server.query('postgres', 'select pg_is_in_recovery() as recovers');
      return row!['recovers'] === false;
    });
  }

  #run(command: string, ...args: string[]): void {
    execFileSync(command, args, { ...this.server.user });
  }
}
