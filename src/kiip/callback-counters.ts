/** What became of callbacks since the start, by outcome and, where a signature fitted, by formula and secret. */
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
}
