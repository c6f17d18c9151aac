import { SpanKind } from '@opentelemetry/api';
import { Injectable, Logger } from '@nestjs/common';
import { CallbackCounters } from './callback-counters.js';
import { isWellFormed } from './field-rules.js';
import { signedText } from './kiip-signature.js';
import { CallbackPolicyService } from './callback-policy.service.js';
import type { CallbackDecision } from './callback-policy.service.js';
import { LedgerService } from '../ledger/ledger.service.js';
import type { RecordResult } from '../ledger/ledger.service.js';
import type { QuarantinedCallback } from '../ledger/ledger-entry.js';
import { withSpan } from '../tracing/span.js';
import { toVerifiedCallback } from './verified-callback.js';
import type { VerifiedCallback } from './verified-callback.js';

/** The statement itself is for many callbacks, and in no trace. */
const RECORD_SPAN = {
  kind: SpanKind.CLIENT,
  attributes: {
    'db.system.name': 'postgresql',
    'db.operation.name': 'INSERT',
    'db.query.summary': 'INSERT ledger',
  },
};

/** Records verified callbacks in the ledger. */
@Injectable()
export class KiipCallbacksService {
  private readonly logger = new Logger('KiipCallbacksService');

  constructor(
    private readonly policy: CallbackPolicyService,
    private readonly ledger: LedgerService,
    private readonly counters: CallbackCounters,
  ) {}

  /**
   * Returns after the commit.
   * @throws StorageUnavailableError; the caller must then not acknowledge the callback
   */
  async record(verified: VerifiedCallback): Promise<RecordResult> {
    const decided = await this.policy.evaluate(verified);
    const result = await withSpan('ledger record', RECORD_SPAN, () => this.write(verified, decided));
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
