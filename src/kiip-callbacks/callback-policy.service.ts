import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { findCurrency, findViolation } from './field-rules.js';
import type { CallbackRules } from './field-rules.js';
import { findAlternativeParses } from './alternative-parses.js';
import type { AlternativeParses } from './alternative-parses.js';
import { isUserReference } from '../user-references/user-reference.js';
import { UserReferencesService } from '../user-references/user-references.service.js';
import type { PolicyDecision } from '../ledger/ledger-entry.js';
import type { QuarantineReason } from '../ledger/quarantine-reason.js';
import type { VerifiedCallback } from './verified-callback.js';

/** The user that a callback is for. */
interface Recipient {
  /** The user id that callers use. */
  readonly userId: string;
  /** The user reference in the callback, if there is one. */
  readonly userReference: string | null;
}

/** The decision on a callback, its user, and the name of its currency if that can be trusted. */
export interface CallbackDecision extends Recipient {
  readonly decision: PolicyDecision;
  readonly name: string | null;
}

/**
 * Decides whether a callback with a valid signature is recorded or quarantined: the signed text has no separators, so
 * several callbacks can share a signature (docs/vendors/kiip.md, section 8).
 */
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

  /** @throws StorageUnavailableError */
  async evaluate(verified: VerifiedCallback): Promise<CallbackDecision> {
    // A quarantined callback needs a user too: it may be released.
    const recipient = await this.resolveRecipient(verified.callback.fields.user_id);
    const reason = await this.quarantineReason(verified, recipient);
    return {
      ...recipient,
      name: this.trustedName(verified),
      decision: reason === undefined ? { status: 'recorded' } : { status: 'quarantined', reason },
    };
  }

  private async resolveRecipient(id: string): Promise<Recipient> {
    // References are resolved with `plain` too: callbacks for earlier rewards may still arrive after a configuration change.
    const userId = isUserReference(id) ? await this.users.resolve(id) : undefined;
    return userId === undefined ? { userId: id, userReference: null } : { userId, userReference: id };
  }

  /** Returns undefined if the callback can be recorded. */
  private async quarantineReason(
    { callback: { fields }, match: { scheme } }: VerifiedCallback,
    { userId, userReference }: Recipient,
  ): Promise<QuarantineReason | undefined> {
    const violation = findViolation(scheme, fields, this.rules);
    if (violation) return violation;
    if (this.rules.userReference === 'opaque' && userReference === null)
      return { code: 'unknown-user-reference' };
    const alternatives = findAlternativeParses(scheme, fields, this.rules);
    if (!alternatives.exhaustive) return { code: 'too-many-readings' };
    if (await this.namesRegisteredUser(alternatives)) return { code: 'more-than-one-reading' };
    if (this.config.kiipUnknownUsers === 'quarantine' && !(await this.isRegistered(userId)))
      return { code: 'unknown-user' };
    return undefined;
  }

  /** The legacy scheme does not sign the name, so only a configured name can be trusted. */
  private trustedName({ callback: { fields }, match: { scheme } }: VerifiedCallback): string | null {
    if (scheme === 'legacy-redemption') return findCurrency(fields.content, this.rules)?.name ?? null;
    return ('name' in fields ? fields.name : undefined) ?? null;
  }

  /** Whether the gateway has sent the user of one of the parses to Kiip. */
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
