import { Injectable, Logger } from '@nestjs/common';
import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { Kysely } from 'kysely';
import { PollingLoop } from '../async/polling-loop.js';
import { Config } from '../config/config.js';
import { Database } from '../database/database.js';
import { StorageUnavailableError } from '../database/storage-error.js';
import type { Tables } from '../database/tables.js';
import { deleteOldAttempts } from '../delivery/personal-data.queries.js';
import { deleteExpiredKeys } from '../idempotency/expired-keys.queries.js';
import { deleteOldRejectedCallbacks } from '../kiip-callbacks/personal-data.queries.js';
import { summarizeError } from '../log/error-summary.js';
import {
  deleteOldPromisedRewards,
  deleteOldRewardedMoments,
} from '../promised-rewards/personal-data.queries.js';
import { deleteOldUsers } from '../user-references/personal-data.queries.js';

const HOUR_MS = 3_600_000;
/** Until the database is there, the first sweep is tried again. */
const RETRY_MS = 5_000;
const DAY_MS = 86_400_000;
/** Rows that one statement deletes, far below its time limit. */
const BATCH_SIZE = 1_000;

/** Deletes rows by their `ctid`: by their keys, PostgreSQL might read a whole table for them. */
type Delete = (db: Kysely<Tables>, before: Date, limit: number) => Promise<number>;

/** Deletes what is older than its time, at the start and every hour, whether or not there is traffic. */
@Injectable()
export class RetentionService implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('Retention');
  private readonly loop: PollingLoop;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    private readonly config: Config,
  ) {
    this.loop = new PollingLoop(
      () => this.sweepOnce(),
      HOUR_MS,
      (error) => this.onFailure(error),
    );
  }

  onModuleInit(): void {
    this.loop.start();
  }

  async onApplicationShutdown(): Promise<void> {
    clearTimeout(this.timer);
    await this.loop.stop();
  }

  /** Deletes everything that is due. Replicas that do so at once share the work. @throws StorageUnavailableError */
  async sweep(now = new Date()): Promise<Record<string, number>> {
    const {
      retentionRejectedCallbacksDays,
      retentionRewardedMomentsDays,
      retentionDeliveryAttemptsDays,
      retentionUsersDays,
    } = this.config;
    const before = (days: number) => new Date(Math.max(0, now.getTime() - days * DAY_MS));
    return {
      idempotency_keys: await this.deleteAll((db, _, limit) => deleteExpiredKeys(db, limit), now),
      rejected_callbacks: await this.deleteAll(
        deleteOldRejectedCallbacks,
        before(retentionRejectedCallbacksDays),
      ),
      kiip_promised_rewards: await this.deleteAll(
        deleteOldPromisedRewards,
        before(retentionRewardedMomentsDays),
      ),
      kiip_rewarded_moments: await this.deleteAll(
        deleteOldRewardedMoments,
        before(retentionRewardedMomentsDays),
      ),
      delivery_attempts: await this.deleteAll(deleteOldAttempts, before(retentionDeliveryAttemptsDays)),
      kiip_user_references:
        retentionUsersDays === 0 ? 0 : await this.deleteAll(deleteOldUsers, before(retentionUsersDays)),
    };
  }

  private async deleteAll(work: Delete, before: Date): Promise<number> {
    for (let total = 0; ;) {
      const deleted = await this.database.run((db) => work(db, before, BATCH_SIZE), 'workers');
      total += deleted;
      if (deleted < BATCH_SIZE) return total;
    }
  }

  private async sweepOnce(): Promise<boolean> {
    const counts = Object.entries(await this.sweep()).filter(([, count]) => count > 0);
    for (const [id, count] of counts) this.logger.log({ msg: 'old rows deleted', id, count });
    return false;
  }

  private onFailure(error: unknown): void {
    if (!(error instanceof StorageUnavailableError))
      this.logger.error({ msg: 'old rows cannot be deleted', ...summarizeError(error) });
    this.timer = setTimeout(() => this.loop.notify(), RETRY_MS).unref();
  }
}
