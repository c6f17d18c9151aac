import { Injectable } from '@nestjs/common';
import { CallbackCounters } from './callback-counters.js';
import { isTestTransaction } from './field-rules.js';
import { toSecretId, signedText } from './kiip-signature.js';
import { CallbackPolicyService } from './callback-policy.service.js';
import { LedgerService } from '../ledger/ledger.service.js';
import type { RecordResult } from '../ledger/ledger.service.js';
import { withSpan } from '../tracing/span.js';
import type { VerifiedCallback } from './verified-callback.js';

/** Brings verified callbacks into the ledger. */
@Injectable()
export class KiipCallbacksService {
  constructor(
    private readonly verdicts: CallbackPolicyService,
    private readonly ledger: LedgerService,
    private readonly counters: CallbackCounters,
  ) {}

  /**
   * @returns after the commit
   * @throws StorageUnavailable; then nothing may be acknowledged
   */
  async record(verified: VerifiedCallback): Promise<RecordResult> {
    const { callback, match, receivedAt } = verified;
    const { fields } = callback;
    const { decision: verdict, userId, userReference, name } = await this.verdicts.evaluate(verified);
    const recorded = await withSpan('ledger record', {}, () =>
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
          test: isTestTransaction(fields.transaction_id),
          receivedAt,
          // Verified, hence present and hexadecimal.
          signature: callback.signature!.toLowerCase(),
          signedText: signedText(match.scheme, fields),
          signatureScheme: match.scheme,
          secretId: toSecretId(match),
        },
        verdict,
      ),
    );
    this.counters.count(recorded.outcome, callback.kind);
    return recorded;
  }
}
