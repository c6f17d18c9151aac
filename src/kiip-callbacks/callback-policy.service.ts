import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { currencyOf, findBrokenRule } from './field-rules.js';
import type { KiipRules } from './field-rules.js';
import { findOtherReadings } from './alternative-parses.js';
import type { OtherReadings } from './alternative-parses.js';
import { isUserReference } from '../user-references/user-reference.js';
import { KnownUsers } from '../user-references/user-references.service.js';
import { unknownReference } from '../ledger/ledger-entry.js';
import type { Verdict } from '../ledger/ledger-entry.js';
import type { VerifiedCallback } from './verified-callback.js';

/** Whom a callback is for. */
interface Beneficiary {
  /** The user's id as our callers know it. */
  readonly userId: string;
  /** What stood for the user, if that was a reference of ours. */
  readonly userReference: string | null;
}

/** What is decided of a callback, whom it is for, and what its currency is called, as far as that can be trusted. */
export interface Judgement extends Beneficiary {
  readonly verdict: Verdict;
  readonly name: string | null;
}

/** Decides of correctly signed callbacks whether they are credited or wait for a human being (contract, "Readings"). */
@Injectable()
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
  async judge(verified: VerifiedCallback): Promise<Judgement> {
    // Also of what will be quarantined: it may be released.
    const whom = await this.beneficiaryOf(verified.callback.fields.user_id);
    const reason = await this.objectionTo(verified, whom);
    return {
      ...whom,
      name: this.nameIn(verified),
      verdict: reason === undefined ? { status: 'recorded' } : { status: 'quarantined', reason },
    };
  }

  private async beneficiaryOf(given: string): Promise<Beneficiary> {
    // Also in `plain` mode: rewards of before a change of mode are still under way.
    const userId = isUserReference(given) ? await this.users.userFor(given) : undefined;
    return userId === undefined ? { userId: given, userReference: null } : { userId, userReference: given };
  }

  /** Why a callback waits for a decision; undefined if it need not. */
  private async objectionTo(
    { callback: { fields }, match: { formula } }: VerifiedCallback,
    { userId, userReference }: Beneficiary,
  ): Promise<string | undefined> {
    const broken = findBrokenRule(formula, fields, this.rules);
    if (broken) return `${broken.rule}: ${broken.member}`;
    if (this.rules.userReference === 'opaque' && userReference === null) return unknownReference;
    const others = findOtherReadings(formula, fields, this.rules);
    if (!others.provable) return 'too-many-readings';
    if (await this.hasCredible(others)) return 'more-than-one-reading';
    if (this.config.kiipUnknownUsers === 'quarantine' && !(await this.isKnown(userId))) return 'unknown-user';
    return undefined;
  }

  /** The legacy formula does not sign the name: anybody may have written it. The configured one is true. */
  private nameIn({ callback: { fields }, match: { formula } }: VerifiedCallback): string | null {
    if (formula === 'legacy-redemption') return currencyOf(fields.content, this.rules)?.name ?? null;
    return ('name' in fields ? fields.name : undefined) ?? null;
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
