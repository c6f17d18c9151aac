import { Injectable } from '@nestjs/common';
const KINDS = ['redemption', 'issuance'];
const OUTCOMES = ['recorded', 'duplicate', 'quarantined', 'wrong_signature'];
/** Not of a kind, or of one that nobody can vouch for. */
const OUTCOMES_WITHOUT_KIND = ['malformed', 'failed'];

/** What became of callbacks since the start, by outcome and, where a signature fitted, by formula and secret. */
@Injectable()
export class CallbackCounters {
  private readonly counts = new Map<string, number>();

  /** @param facts words of ours from short lists, never anything that arrived */
  count(...facts: string[]): void {
    const key = facts.join(' ');
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }

  snapshot(): Record<string, number> {
    return Object.fromEntries(this.counts);
  }

  /** Every outcome there can be, with 0 from the beginning: the first of its kind is then seen to be one more. */
  outcomes(): (readonly [{ outcome: string; kind: string }, number])[] {
    const known = OUTCOMES.flatMap((outcome) => KINDS.map((kind) => ({ outcome, kind })));
    const others = OUTCOMES_WITHOUT_KIND.map((outcome) => ({ outcome, kind: '' }));
    return [...others, ...known].map((facts) => [
      facts,
      this.counts.get(`${facts.outcome} ${facts.kind}`.trim()) ?? 0,
    ]);
  }

  signatures(): (readonly [{ formula: string; secret: string }, number])[] {
    return [...this.counts].flatMap(([key, count]) => {
      const [verified, formula = '', secret = ''] = key.split(' ');
      return verified === 'verified' ? [[{ formula, secret }, count] as const] : [];
    });
  }
}
