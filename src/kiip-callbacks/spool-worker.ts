import { Inject, Injectable, Logger } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { PollingLoop } from '../async/polling-loop.js';
import { Config } from '../config/config.js';
import { SecretFileWatcher } from '../config/secret-file-watcher.js';
import { Database } from '../database/database.js';
import { StorageUnavailableError } from '../database/storage-error.js';
import { summarizeError } from '../log/error-summary.js';
import { CallbackSpool } from './callback-spool.js';
import type { SpoolFile } from './callback-spool.js';
import { KiipCallbacksService } from './kiip-callbacks.service.js';
import { RejectedCallbacksService } from './rejected-callbacks.service.js';
import { verifyAgain } from './verified-callback.js';
import type { UnverifiedCallback } from './verified-callback.js';

const POLL_INTERVAL_MS = 2_000;

/**
 * Records what is in the spool when the database is available again, by the rules that hold then. A callback that is recorded twice, by
 * two processes or after a crash, is a duplicate.
 */
@Injectable()
export class SpoolWorker implements BeforeApplicationShutdown, OnApplicationBootstrap {
  private readonly logger = new Logger('SpoolWorker');
  private loop: PollingLoop | undefined;
  /** The log has it already. */
  private isUnreadable = false;
  private secrets: readonly string[];

  constructor(
    @Inject(CallbackSpool) private readonly spool: CallbackSpool | undefined,
    private readonly callbacks: KiipCallbacksService,
    private readonly rejected: RejectedCallbacksService,
    private readonly database: Database,
    private readonly config: Config,
    files: SecretFileWatcher,
  ) {
    this.secrets = config.kiipAppSecrets;
    files.watch('kiipAppSecrets', (secrets) => (this.secrets = secrets));
  }

  /** @throws SpoolError */
  async onApplicationBootstrap(): Promise<void> {
    const { spool } = this;
    if (!spool || this.config.role === 'worker') return;
    await spool.open();
    this.loop = new PollingLoop(
      () => this.drain(spool),
      POLL_INTERVAL_MS,
      (error) => this.report(error),
    );
    this.loop.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.loop?.stop();
  }

  private async drain(spool: CallbackSpool): Promise<boolean> {
    const waiting = (await spool.files()).filter(({ failed }) => !failed);
    this.isUnreadable = false;
    if (waiting.length === 0) return false;
    // One question, instead of all callbacks of a file.
    await this.database.ping();
    for (const file of waiting) await this.drainFile(spool, file);
    return false;
  }

  private async drainFile(spool: CallbackSpool, file: SpoolFile): Promise<void> {
    const outcomes = await Promise.allSettled((await spool.read(file)).map((each) => this.record(each)));
    const failures = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [outcome.reason as unknown] : [],
    );
    const unavailable = failures.find((failure) => failure instanceof StorageUnavailableError);
    // All of it is tried again.
    if (unavailable !== undefined) throw unavailable;
    if (failures.length === 0) {
      await spool.remove(file);
      this.logger.log({ msg: 'spooled callbacks recorded', count: file.count });
      return;
    }
    await spool.setAside(file);
    this.logger.error({
      msg: 'spooled callbacks cannot be recorded: their file in SPOOL_DIR is kept',
      id: file.name,
      count: failures.length,
      ...summarizeError(failures[0]),
    });
  }

  private async record(spooled: UnverifiedCallback | undefined): Promise<void> {
    if (spooled === undefined) throw new Error('a callback in the spool is damaged');
    const verified = verifyAgain(spooled, this.secrets, this.config.kiipLegacySignature);
    if (verified) {
      await this.callbacks.record(verified);
      return;
    }
    // Its secret is no longer in the configuration: `npm run kiip:reverify` records it once that is there again.
    await this.rejected.save({ ...spooled, source: 'spool', isProtected: () => true });
  }

  private report(error: unknown): void {
    if (error instanceof StorageUnavailableError || this.isUnreadable) return;
    this.isUnreadable = true;
    this.logger.error({ msg: 'the spool cannot be read', ...summarizeError(error) });
  }
}
