import { Injectable } from '@nestjs/common';
import { CallbackCounters } from './callback-counters.js';
import { isTestTransaction } from './field-rules.js';
import { signedText } from './kiip-signature.js';
import { CallbackPolicyService } from './callback-policy.service.js';
import { LedgerService } from '../ledger/ledger.service.js';
import type { RecordResult } from '../ledger/ledger.service.js';
import { withSpan } from '../tracing/span.js';
import type { VerifiedCallback } from './verified-callback.js';

/** Records verified callbacks in the ledger. */
@Injectable()
export class KiipCallbacksService {
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
    const { callback, match, receivedAt } = verified;
    const { fields } = callback;
    const { decision, userId, userReference, name } = await this.policy.evaluate(verified);
    const result = await withSpan('ledger record', {}, () =>
      this.ledger.record(
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
          isTest: isTestTransaction(fields.transaction_id),
          receivedAt,
          // It is verified, so it is present and hexadecimal.
          signature: callback.signature!.toLowerCase(),
          signedText: signedText(match.scheme, fields),
          signatureScheme: match.scheme,
          secretIndex: match.secretIndex,
        },
        decision,
      ),
    );
    this.counters.countOutcome(result.outcome, callback.kind);
    return result;
  }
}
