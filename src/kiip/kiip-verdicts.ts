import type { Config } from '../config/config.js';
import { findBrokenRule } from './kiip-grammar.js';
import type { KiipRules } from './kiip-grammar.js';
import { findOtherReadings } from './kiip-readings.js';
import type { OtherReadings } from './kiip-readings.js';
import type { KnownUsers } from './known-users.js';
import type { Verdict } from './ledger-row.js';
import type { VerifiedCallback } from './verified-callback.js';

/** What is decided of a callback, and whom it is for. */
export interface Judgement {
  readonly verdict: Verdict;
  /** The user's id as our callers know it. */
  readonly userId: string;
  /** What stood for the user, if that was a reference of ours. */
  readonly userReference: string | null;
}

/** Decides of correctly signed callbacks whether they are credited or wait for a human being (contract, "Readings"). */
export class KiipVerdicts {
  private readonly rules: KiipRules;

  constructor(
    private readonly config: Config,
    private readonly users: KnownUsers,
  ) {
    this.rules = {
      legacySignature: config.kiipLegacySignature,
      userReference: config.kiipUserReference,
      currencies: config.kiipCurrencies,
    };
  }

  /** @throws StorageUnavailable */
  async judge({ callback: { fields }, match: { formula } }: VerifiedCallback): Promise<Judgement> {
    const opaque = this.rules.userReference === 'opaque';
    const stranger = { userId: fields.user_id, userReference: null };
    const broken = findBrokenRule(formula, fields, this.rules);
    if (broken) return { ...stranger, verdict: quarantined(`${broken.rule}: ${broken.member}`) };

    const user = opaque ? await this.users.userFor(fields.user_id) : fields.user_id;
    if (user === undefined) return { ...stranger, verdict: quarantined('unknown-user-reference') };
    const whom = { userId: user, userReference: opaque ? fields.user_id : null };

    const others = findOtherReadings(formula, fields, this.rules);
    if (!others.provable) return { ...whom, verdict: quarantined('too-many-readings') };
    if (await this.hasCredible(others)) return { ...whom, verdict: quarantined('more-than-one-reading') };
    if (this.config.kiipUnknownUsers === 'quarantine' && !(await this.isKnown(whom.userId)))
      return { ...whom, verdict: quarantined('unknown-user') };
    return { ...whom, verdict: { status: 'recorded' } };
  }

  /** A reading is credible if its user has gone to Kiip. */
  private async hasCredible({ byUser }: Extract<OtherReadings, { provable: true }>): Promise<boolean> {
    const candidates = [...byUser.keys()];
    if (candidates.length === 0) return false;
    if (this.rules.userReference === 'plain') return (await this.users.knownUsers(candidates)).size > 0;
    const users = await Promise.all(candidates.map((reference) => this.users.userFor(reference)));
    return users.some((user) => user !== undefined);
  }

  private async isKnown(userId: string): Promise<boolean> {
    return (await this.users.knownUsers([userId])).size > 0;
  }
}

function quarantined(reason: string): Verdict {
  return { status: 'quarantined', reason };
}
