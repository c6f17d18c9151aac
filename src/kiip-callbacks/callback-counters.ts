import { Injectable } from '@nestjs/common';
import type { LedgerKind, PromisedIdKind } from '../database/tables.js';
import type { SignatureMatch, SignatureScheme } from './kiip-signature.js';

const KINDS = ['redemption', 'issuance'] as const;
const OUTCOMES = ['recorded', 'duplicate', 'quarantined', 'spooled', 'wrong_signature'] as const;
/** The kind of these callbacks is unknown. */
const OUTCOMES_WITHOUT_KIND = [
  'malformed',
  'failed',
  'not_found',
  'method_not_allowed',
  'too_large',
  'unsupported_media_type',
  'rate_limited',
] as const;

export type Outcome = (typeof OUTCOMES)[number] | (typeof OUTCOMES_WITHOUT_KIND)[number];

interface OutcomeLabels {
  readonly outcome: Outcome;
  readonly kind: LedgerKind | '';
}

interface SignatureLabels {
  readonly scheme: SignatureScheme;
  /** The position of the secret in KIIP_APP_SECRETS, from 1. */
  readonly secret_index: number;
}

interface MatchLabels {
  /** The id of the reward that recorded callbacks name; `none` if no moment has returned it. */
  readonly promised_id: PromisedIdKind | 'none';
}

const PROMISED_IDS = ['view_id', 'view_id_prefix', 'body_url', 'none'] as const;

type Counted<Labels> = Labels & { count: number };

/** Counts callbacks since the start of the process: by outcome, and by the scheme and secret of a valid signature. */
@Injectable()
export class CallbackCounters {
  private readonly outcomeCounts: Counted<OutcomeLabels>[] = [
    // Every outcome starts at 0, so that a rate in Prometheus includes its first callback.
    ...OUTCOMES_WITHOUT_KIND.map((outcome) => ({ outcome, kind: '' as const, count: 0 })),
    ...OUTCOMES.flatMap((outcome) => KINDS.map((kind) => ({ outcome, kind, count: 0 }))),
  ];
  private readonly matchCounts: Counted<MatchLabels>[] = PROMISED_IDS.map((promised_id) => ({
    promised_id,
    count: 0,
  }));
  private reusedSignatures = 0;
  private readonly signatureCounts: Counted<SignatureLabels>[] = [];

  countOutcome(outcome: Outcome, kind: LedgerKind | '' = ''): void {
    const counter = this.outcomeCounts.find((each) => each.outcome === outcome && each.kind === kind);
    if (counter) counter.count += 1;
  }

  countVerified({ scheme, secretIndex }: SignatureMatch): void {
    const counter = this.signatureCounts.find(
      (each) => each.scheme === scheme && each.secret_index === secretIndex,
    );
    if (counter) counter.count += 1;
    else this.signatureCounts.push({ scheme, secret_index: secretIndex, count: 1 });
  }

  /** Counts a recorded callback by the id of its reward. */
  countMatch(promisedId: PromisedIdKind | 'none' = 'none'): void {
    const counter = this.matchCounts.find(({ promised_id }) => promised_id === promisedId);
    if (counter) counter.count += 1;
  }

  /** Counts a callback that has the signed text of another one but other fields. */
  countReusedSignature(): void {
    this.reusedSignatures += 1;
  }

  /** Every count above 0. */
  snapshot(): (Counted<OutcomeLabels> | Counted<SignatureLabels> | Counted<MatchLabels>)[] {
    const counts = [...this.outcomeCounts, ...this.signatureCounts, ...this.matchCounts];
    return counts.filter(({ count }) => count > 0).map((each) => ({ ...each }));
  }

  matches(): (readonly [{ promised_id: string }, number])[] {
    return this.matchCounts.map(({ promised_id, count }) => [{ promised_id }, count]);
  }

  get signatureReuses(): number {
    return this.reusedSignatures;
  }

  outcomes(): (readonly [{ outcome: string; kind: string }, number])[] {
    return this.outcomeCounts.map(({ outcome, kind, count }) => [{ outcome, kind }, count]);
  }

  signatures(): (readonly [{ scheme: string; secret_index: string }, number])[] {
    return this.signatureCounts.map(({ scheme, secret_index, count }) => [
      { scheme, secret_index: String(secret_index) },
      count,
    ]);
  }
}
