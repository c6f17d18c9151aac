import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { findCurrency, findViolation } from './field-rules.js';
import type { CallbackRules } from './field-rules.js';
import { findAlternativeParses } from './alternative-parses.js';
import type { AlternativeParses } from './alternative-parses.js';
import { isUserReference } from '../user-references/user-reference.js';
import { UserReferencesService } from '../user-references/user-references.service.js';
import { UNKNOWN_USER_REFERENCE } from '../ledger/ledger-entry.js';
import type { PolicyDecision } from '../ledger/ledger-entry.js';
import type { VerifiedCallback } from './verified-callback.js';

/** Whom a callback is for. */
interface Recipient {
  /** The user's id as our callers know it. */
  readonly userId: string;
  /** What stood for the user, if that was a reference of ours. */
  readonly userReference: string | null;
}

/** What is decided of a callback, whom it is for, and what its currency is called, as far as that can be trusted. */
export interface CallbackDecision extends Recipient {
  readonly decision: PolicyDecision;
  readonly name: string | null;
}

/** Decides of correctly signed callbacks whether they are credited or wait for a human being (contract, "Readings"). */
@Injectable()
export class CallbackPolicyService {
  private readonly rules: CallbackRules;

  constructor(
    private readonly config: Config,
    private readonly users: UserReferencesService,
  ) {
    this.rules = {
      legacySignature: config.kiipLegacySignature,
      userReference: config.kiipUserReference,
      currencies: config.kiipCurrencies,
    };
  }

  /** @throws StorageUnavailable */
  async evaluate(verified: VerifiedCallback): Promise<CallbackDecision> {
    // Also of what will be quarantined: it may be released.
    const whom = await this.resolveRecipient(verified.callback.fields.user_id);
    const reason = await this.quarantineReason(verified, whom);
    return {
      ...whom,
      name: this.trustedName(verified),
      decision: reason === undefined ? { status: 'recorded' } : { status: 'quarantined', reason },
    };
  }

  private async resolveRecipient(given: string): Promise<Recipient> {
    // Also in `plain` mode: rewards of before a change of mode are still under way.
    const userId = isUserReference(given) ? await this.users.resolve(given) : undefined;
    return userId === undefined ? { userId: given, userReference: null } : { userId, userReference: given };
  }

  /** Why a callback waits for a decision; undefined if it need not. */
  private async quarantineReason(
    { callback: { fields }, match: { scheme: formula } }: VerifiedCallback,
    { userId, userReference }: Recipient,
  ): Promise<string | undefined> {
    const broken = findViolation(formula, fields, this.rules);
    if (broken) return `${broken.rule}: ${broken.field}`;
    if (this.rules.userReference === 'opaque' && userReference === null) return UNKNOWN_USER_REFERENCE;
    const others = findAlternativeParses(formula, fields, this.rules);
    if (!others.exhaustive) return 'too-many-readings';
    if (await this.namesRegisteredUser(others)) return 'more-than-one-reading';
    if (this.config.kiipUnknownUsers === 'quarantine' && !(await this.isRegistered(userId)))
      return 'unknown-user';
    return undefined;
  }

  /** The legacy formula does not sign the name: anybody may have written it. The configured one is true. */
  private trustedName({ callback: { fields }, match: { scheme: formula } }: VerifiedCallback): string | null {
    if (formula === 'legacy-redemption') return findCurrency(fields.content, this.rules)?.name ?? null;
    return ('name' in fields ? fields.name : undefined) ?? null;
  }

  /** A reading is credible if its user has gone to Kiip. */
  private async namesRegisteredUser({
    byUser,
  }: Extract<AlternativeParses, { exhaustive: true }>): Promise<boolean> {
    const candidates = [...byUser.keys()];
    if (candidates.length === 0) return false;
    if (this.rules.userReference === 'plain') return (await this.users.filterRegistered(candidates)).size > 0;
    const users = await Promise.all(candidates.map((reference) => this.users.resolve(reference)));
    return users.some((user) => user !== undefined);
  }

  private async isRegistered(userId: string): Promise<boolean> {
    return (await this.users.filterRegistered([userId])).size > 0;
  }
}
