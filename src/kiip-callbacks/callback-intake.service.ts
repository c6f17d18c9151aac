import { Inject, Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { sqlState, StorageUnavailableError } from '../database/storage-error.js';
import { CallbackCounters } from './callback-counters.js';
import { CallbackHold } from './callback-hold.js';
import { CallbackSpool } from './callback-spool.js';
import type { CallbackResultDto } from './kiip-callbacks.dto.js';
import { KiipCallbacksService } from './kiip-callbacks.service.js';
import type { ReceivedCallback } from './verified-callback.js';

/** Accepts callbacks also while the database is unavailable: Kiip documents no second try. */
@Injectable()
export class CallbackIntakeService {
  private readonly hold: CallbackHold;

  constructor(
    private readonly callbacks: KiipCallbacksService,
    private readonly counters: CallbackCounters,
    @Inject(CallbackSpool) private readonly spool: CallbackSpool | undefined,
    { callbackHoldSeconds }: Config,
  ) {
    this.hold = new CallbackHold(callbackHoldSeconds * 1_000);
  }

  /** How many requests wait for the database. */
  get held(): number {
    return this.hold.size;
  }

  /**
   * Returns after the commit, or, where there is a spool, after the callback is on its disk.
   * @throws StorageUnavailableError; the caller must then not acknowledge the callback
   */
  async accept(received: ReceivedCallback): Promise<CallbackResultDto> {
    const { callback, body } = received;
    // It is verified, so it is present.
    const key = callback.signature!;
    try {
      const { outcome, id } = await this.hold.run(key, body.length, () => this.callbacks.record(received));
      return { status: outcome, id };
    } catch (error) {
      const isStorage = error instanceof StorageUnavailableError || sqlState(error) !== undefined;
      if (!isStorage || !this.spool) throw error;
      await this.spool.add(key, received);
      this.counters.countOutcome('spooled', callback.kind);
      return { status: 'spooled' };
    }
  }
}
