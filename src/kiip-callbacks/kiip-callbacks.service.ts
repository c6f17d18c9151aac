import { Injectable, Logger } from '@nestjs/common';
import { CallbackCounters } from './callback-counters.js';
import { isWellFormed } from './field-rules.js';
import { signedText } from './kiip-signature.js';
import { CallbackPolicyService } from './callback-policy.service.js';
import type { CallbackDecision } from './callback-policy.service.js';
import { LedgerService } from '../ledger/ledger.service.js';
import type { RecordResult } from '../ledger/ledger.service.js';
import type { QuarantinedCallback } from '../ledger/ledger-entry.js';
import { FairBulkhead } from '../async/fair-bulkhead.js';
import { Config } from '../config/config.js';
import { StorageUnavailableError } from '../database/storage-error.js';
import { withSpan } from '../tracing/span.js';
import { toVerifiedCallback } from './verified-callback.js';
import type { VerifiedCallback } from './verified-callback.js';

/** As many as there are connections for callbacks. */
const MAX_CONCURRENT = 10;
const MAX_WAITING = 5_000;

/**
 * Records verified callbacks in the ledger. Those with one signature take turns with the others: anybody who has a callback can send it,
 * and all other splits of its text, as often as he likes.
 */
@Injectable()
export class KiipCallbacksService {
  private readonly logger = new Logger('KiipCallbacksService');
  private readonly turns = new FairBulkhead(MAX_CONCURRENT, MAX_WAITING);

  constructor(
    private readonly policy: CallbackPolicyService,
    private readonly ledger: LedgerService,
    private readonly counters: CallbackCounters,
    private readonly config: Config,
  ) {}

  /**
   * Returns after the commit.
   * @throws StorageUnavailableError; the caller must then not acknowledge the callback
   */
  async record(verified: VerifiedCallback): Promise<RecordResult> {
    const signature = verified.callback.signature!.toLowerCase();
    // Only until its turn: what has begun has time limits of its own.
    const patience = AbortSignal.timeout(Math.ceil(this.config.databaseTimeoutMs));
    let begun = false;
    try {
      return await this.turns.execute(
        signature,
        () => {
          begun = true;
          return this.recordNow(verified);
        },
        patience,
      );
    } catch (error) {
      throw begun ? error : new StorageUnavailableError('too many callbacks wait', { cause: error });
    }
  }

  private async recordNow(verified: VerifiedCallback): Promise<RecordResult> {
    const decided = await this.policy.evaluate(verified);
    const result = await withSpan('ledger record', {}, () => this.write(verified, decided));
    if (result.outcome === 'recorded') this.counters.countMatch(decided.promisee?.kind);
    if (result.sharesText === true && isWellFormed(verified.callback.fields)) {
      this.counters.countReusedSignature();
      this.logger.warn({
        msg: 'callback with the signed text of another one but other fields',
        id: result.id,
      });
    }
    // The promise may have been stored after the look-up and before the commit, and its process may not have seen this entry.
    const isRecordedNow =
      result.outcome === 'quarantined' &&
      decided.awaitsPromise &&
      (await this.decideAgain(result.id, verified));
    const outcome = isRecordedNow ? 'recorded' : result.outcome;
    this.counters.countOutcome(outcome, verified.callback.kind);
    return { ...result, outcome };
  }

  /**
   * Decides a quarantined callback again.
   * @returns whether it is recorded now
   * @throws StorageUnavailableError
   */
  async reevaluate(callback: QuarantinedCallback): Promise<boolean> {
    const verified = toVerifiedCallback(callback);
    return verified !== undefined && (await this.decideAgain(callback.id, verified));
  }

  private async decideAgain(id: string, verified: VerifiedCallback): Promise<boolean> {
    const { decision, awaitsPromise, isTest, promisee } = await this.policy.evaluate(verified);
    const recorded = await this.ledger.reevaluate(
      id,
      decision.status === 'quarantined' ? { ...decision, awaitsPromise } : decision,
      isTest,
    );
    if (recorded) this.counters.countMatch(promisee?.kind);
    return recorded;
  }

  private write(verified: VerifiedCallback, decided: CallbackDecision): Promise<RecordResult> {
    const { callback, match, receivedAt } = verified;
    const { fields } = callback;
    const { decision, awaitsPromise, userId, userReference, name, isTest } = decided;
    return this.ledger.record(
      {
        kind: callback.kind,
        transactionId: fields.transaction_id,
        content: fields.content,
        name,
        quantity: fields.quantity,
        userId,
        userReference,
        nonce: 'nonce' in fields ? fields.nonce : null,
        origin: 'origin' in fields ? fields.origin : null,
        isTest,
        receivedAt,
        // It is verified, so it is present and hexadecimal.
        signature: callback.signature!.toLowerCase(),
        signedText: signedText(match.scheme, fields),
        signatureScheme: match.scheme,
        secretIndex: match.secretIndex,
      },
      decision.status === 'quarantined' ? { ...decision, awaitsPromise } : decision,
    );
  }
}
