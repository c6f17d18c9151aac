import type { KigoSettings } from './kigo-settings.js';
import { seededRandom } from '../server/random.js';
import type { VirtualClock } from '../server/virtual-clock.js';

interface Token {
  partnerId: string;
  expiresAt: number;
  usesLeft: number;
}

// Enough for any test; a sandbox that runs for weeks forgets the oldest.
const MAX_TOKENS = 10_000;

/** Partner tokens in circulation. */
export class KigoTokens {
  private readonly tokens = new Map<string, Token>();
  private random: () => number;

  constructor(
    private readonly clock: VirtualClock,
    private readonly seed: number,
  ) {
    this.random = seededRandom(seed);
  }

  /** A new opaque token, alive or not as the settings say. */
  issue(settings: KigoSettings): string {
    if (settings.revokeOlderTokens) this.revokeAll();
    const text = `kigo_${Array.from({ length: 4 }, () => this.word()).join('')}`;
    const ttlMs = settings.issueExpiredTokens ? 0 : settings.tokenTtlSeconds * 1000;
    this.tokens.set(text, {
      partnerId: settings.partnerId,
      expiresAt: this.clock.now() + ttlMs,
      usesLeft: settings.tokenUses ?? Infinity,
    });
    const [oldest] = this.tokens.keys();
    if (this.tokens.size > MAX_TOKENS && oldest) this.tokens.delete(oldest);
    return text;
  }

  /** Whose token it is, using it up once; 'expired' (or revoked) and 'unknown' are answers, not errors. */
  use(text: string): { partnerId: string } | 'expired' | 'unknown' {
    const token = this.tokens.get(text);
    if (!token) return 'unknown';
    if (this.clock.now() >= token.expiresAt || token.usesLeft <= 0) return 'expired';
    token.usesLeft -= 1;
    return { partnerId: token.partnerId };
  }

  /** Revokes every token; returns how many were valid. */
  revokeAll(): number {
    const alive = [...this.tokens.values()].filter((token) => token.expiresAt > this.clock.now());
    for (const token of alive) token.expiresAt = 0;
    return alive.length;
  }

  reset(): void {
    this.tokens.clear();
    this.random = seededRandom(this.seed);
  }

  private word(): string {
    return Math.floor(this.random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  }
}
