import type { IssuedCurrency } from './wallet-event.js';

export interface WalletBalance {
  user_id: string;
  content: string;
  /** The latest name that came with this currency; null as long as none did. */
  name: string | null;
  quantity: number;
}

/** What the wallet has counted, and the events that it has seen: it forgets none, so that none counts twice. */
export class WalletLedger {
  private readonly seen = new Set<string>();
  private readonly names = new Map<string, string>();
  /** User id, then currency. */
  private readonly quantities = new Map<string, Map<string, number>>();

  /** Records an event under the id that stays the same at every attempt and replay. */
  record(
    id: string,
    { user_id, content, name, quantity, test }: IssuedCurrency,
  ): 'credited' | 'test' | 'again' {
    if (this.seen.has(id)) return 'again';
    this.seen.add(id);
    if (test) return 'test';
    if (name !== null) this.names.set(content, name);
    const ofUser = this.quantities.get(user_id) ?? new Map<string, number>();
    this.quantities.set(user_id, ofUser.set(content, (ofUser.get(content) ?? 0) + quantity));
    return 'credited';
  }

  /** What people call a currency. */
  findName(content: string): string | null {
    return this.names.get(content) ?? null;
  }

  /** Of one user, or of all in the order in which they were first seen. */
  balances(userId?: string): WalletBalance[] {
    return [...this.quantities]
      .filter(([user_id]) => userId === undefined || user_id === userId)
      .flatMap(([user_id, ofUser]) =>
        [...ofUser].map(([content, quantity]) => ({
          user_id,
          content,
          name: this.findName(content),
          quantity,
        })),
      );
  }

  clear(): void {
    this.seen.clear();
    this.names.clear();
    this.quantities.clear();
  }
}
