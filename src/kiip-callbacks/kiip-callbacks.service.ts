import { Injectable } from '@nestjs/common';
import { CallbackCounters } from './callback-counters.js';
import { isTestTransaction } from './field-rules.js';
import { secretLabel, signedText } from './kiip-signature.js';
import { KiipVerdicts } from './callback-policy.service.js';
import { Ledger } from '../ledger/ledger.service.js';
import type { Recorded } from '../ledger/ledger.service.js';
import { withSpan } from '../tracing/span.js';
import type { VerifiedCallback } from './verified-callback.js';

/** Brings verified callbacks into the ledger. */
@Injectable()
export class KiipCallbacks {
  constructor(
    private readonly verdicts: KiipVerdicts,
    private readonly ledger: Ledger,
    private readonly counters: CallbackCounters,
  ) {}

  /**
   * @returns after the commit
   * @throws StorageUnavailable; then nothing may be acknowledged
   */
  async record(verified: VerifiedCallback): Promise<Recorded> {
    const { callback, match, receivedAt } = verified;
    const { fields } = callback;
    const { verdict, userId, userReference, name } = await this.verdicts.judge(verified);
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
          signedText: signedText(match.formula, fields),
          formula: match.formula,
          secretLabel: secretLabel(match),
        },
        verdict,
      ),
    );
    this.counters.count(recorded.outcome, callback.kind);
    return recorded;
  }
}
