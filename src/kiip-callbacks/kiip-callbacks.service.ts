import { SpanKind } from '@opentelemetry/api';
import { Injectable, Logger } from '@nestjs/common';
import { CallbackCounters } from './callback-counters.js';
import { isWellFormed } from './field-rules.js';
import { signedText } from './kiip-signature.js';
import { CallbackPolicyService } from './callback-policy.service.js';
import type { CallbackDecision } from './callback-policy.service.js';
import { LedgerService } from '../ledger/ledger.service.js';
import type { RecordResult } from '../ledger/ledger.service.js';
import type { PolicyDecision, QuarantinedCallback, VerifiedCallbackFields } from '../ledger/ledger-entry.js';
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

interface Recorded {
  readonly decided: CallbackDecision;
  readonly result: RecordResult;
}

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
    const { decided, result } = await this.decideAndRecord(verified);
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

  /** In one statement, if the callback is what this process assumes: the statement checks that. Otherwise it takes two. */
  private async decideAndRecord(verified: VerifiedCallback): Promise<Recorded> {
    const pending = this.policy.prepare(verified);
    if (!pending.assumed) return this.store(verified, await pending.evaluate());
    const { decided, assumption } = pending.assumed;
    const facts = toFacts(verified, decided);
    const result = await withSpan('ledger record', RECORD_SPAN, () =>
      this.ledger.record(facts, decided.decision, assumption),
    );
    return 'context' in result ? this.store(verified, pending.decide(result.context)) : { decided, result };
  }

  private async store(verified: VerifiedCallback, decided: CallbackDecision): Promise<Recorded> {
    const facts = toFacts(verified, decided);
    const decision = toPolicyDecision(decided);
    const result = await withSpan('ledger record', RECORD_SPAN, () => this.ledger.record(facts, decision));
    return { decided, result };
  }

  private async decideAgain(id: string, verified: VerifiedCallback): Promise<boolean> {
    const decided = await this.policy.evaluate(verified);
    const recorded = await this.ledger.reevaluate(id, toPolicyDecision(decided), decided.isTest);
    if (recorded) this.counters.countMatch(decided.promisee?.kind);
    return recorded;
  }
}

function toFacts(
  { callback, match, receivedAt }: VerifiedCallback,
  { userId, userReference, name, isTest }: CallbackDecision,
): VerifiedCallbackFields {
  const { fields } = callback;
  return {
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
  };
}

function toPolicyDecision({ decision, awaitsPromise }: CallbackDecision): PolicyDecision {
  return decision.status === 'quarantined' ? { ...decision, awaitsPromise } : decision;
}
