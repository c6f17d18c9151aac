import { Injectable } from '@nestjs/common';
import type { LedgerKind } from '../database/tables.js';
import type { SignatureMatch, SignatureScheme } from './kiip-signature.js';

const KINDS = ['redemption', 'issuance'] as const;
const OUTCOMES = ['recorded', 'duplicate', 'quarantined', 'wrong_signature'] as const;
/** The kind of these callbacks is unknown. */
const OUTCOMES_WITHOUT_KIND = ['malformed', 'failed', 'limited', 'too_large', 'not_read'] as const;

type Outcome = (typeof OUTCOMES)[number] | (typeof OUTCOMES_WITHOUT_KIND)[number];

interface OutcomeLabels {
  readonly outcome: Outcome;
  readonly kind: LedgerKind | '';
}

interface SignatureLabels {
  readonly scheme: SignatureScheme;
  /** The position of the secret in KIIP_APP_SECRETS, from 1. */
  readonly secret_index: number;
}

type Counted<Labels> = Labels & { count: number };

/** Counts callbacks since the start of the process: by outcome, and by the scheme and secret of a valid signature. */
@Injectable()
export class CallbackCounters {
  private readonly outcomeCounts: Counted<OutcomeLabels>[] = [
    // Every outcome starts at 0, so that a rate in Prometheus includes its first callback.
    ...OUTCOMES_WITHOUT_KIND.map((outcome) => ({ outcome, kind: '' as const, count: 0 })),
    ...OUTCOMES.flatMap((outcome) => KINDS.map((kind) => ({ outcome, kind, count: 0 }))),
  ];
  private readonly signatureCounts: Counted<SignatureLabels>[] = [];

  countOutcome(outcome: Outcome, kind: LedgerKind | '' = ''): void {
    const counter = this.outcomeCounts.find((each) => each.outcome === outcome && each.kind === kind);
    if (counter) counter.count += 1;
  }

  /** Counts what ended before anybody looked at the callback: a wrong method, path, media type or size, or a broken connection. */
  countUnread(status: number): void {
    if (status >= 400)
      this.countOutcome(status === 413 ? 'too_large' : status >= 500 ? 'failed' : 'not_read');
  }

  countVerified({ scheme, secretIndex }: SignatureMatch): void {
    const counter = this.signatureCounts.find(
      (each) => each.scheme === scheme && each.secret_index === secretIndex,
    );
    if (counter) counter.count += 1;
    else this.signatureCounts.push({ scheme, secret_index: secretIndex, count: 1 });
  }

  /** Every count above 0. */
  snapshot(): (Counted<OutcomeLabels> | Counted<SignatureLabels>)[] {
    return [...this.outcomeCounts.filter(({ count }) => count > 0), ...this.signatureCounts].map((each) => ({
      ...each,
    }));
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
