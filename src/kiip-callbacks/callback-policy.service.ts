import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import {
  findCurrency,
  findViolation,
  isTestTransaction,
  isWellFormed,
  toCallbackRules,
} from './field-rules.js';
import type { CallbackRules } from './field-rules.js';
import { findAlternativeParses } from './alternative-parses.js';
import type { AlternativeParses } from './alternative-parses.js';
import { PromisedRewardsService } from '../promised-rewards/promised-rewards.service.js';
import { toContext } from '../promised-rewards/callback-context.js';
import type {
  Assumption,
  CallbackContext,
  CallbackLookup,
  Promisee,
} from '../promised-rewards/callback-context.js';
import type { PolicyDecision } from '../ledger/ledger-entry.js';
import type { QuarantineReason } from '../ledger/quarantine-reason.js';
import { findPromiseViolation } from './promise-rules.js';
import type { VerifiedCallback } from './verified-callback.js';

/** The user that a callback is for. */
interface Recipient {
  /** The user id that callers use. */
  readonly userId: string;
  /** The user reference in the callback, if there is one. */
  readonly userReference: string | null;
}

/** The decision on a callback, and what is known of it besides its fields. */
export interface CallbackDecision extends Recipient {
  readonly decision: PolicyDecision;
  /** The name of its currency if that can be trusted. */
  readonly name: string | null;
  readonly isTest: boolean;
  /** No moment has returned the transaction so far. */
  readonly awaitsPromise: boolean;
  /** The user of the callback among those that the transaction was promised to. */
  readonly promisee: Promisee | undefined;
}

/** A statement for many callbacks that each have hundreds of users to look up would take long. */
const MAX_ASSUMED_USERS = 16;

/** A decision that depends on what the database knows of the callback. */
export interface PendingDecision {
  /**
   * By what this process assumes of it, it is recorded, if the assumption proves right. Undefined if it would be quarantined, or the
   * database must be asked first.
   */
  readonly assumed: { readonly decided: CallbackDecision; readonly assumption: Assumption } | undefined;
  decide(context: CallbackContext): CallbackDecision;
  /** Asks the database. @throws StorageUnavailableError */
  evaluate(): Promise<CallbackDecision>;
}

/**
 * Decides whether a callback with a valid signature is recorded or quarantined: the signed text has no separators, so
 * several callbacks can share a signature (docs/vendors/kiip.md, section 8). First a callback is held against what moments
 * have returned. Only a transaction that none has returned is judged by the ways to split its text, and only if
 * KIIP_UNKNOWN_REWARDS allows it.
 */
@Injectable()
export class CallbackPolicyService {
  private readonly rules: CallbackRules;

  constructor(
    private readonly config: Config,
    private readonly promisedRewards: PromisedRewardsService,
  ) {
    this.rules = toCallbackRules(config);
  }

  /** @throws StorageUnavailableError */
  async evaluate(verified: VerifiedCallback): Promise<CallbackDecision> {
    return this.prepare(verified).evaluate();
  }

  /** Prepares a decision, which depends on what the database knows of the callback. */
  prepare(verified: VerifiedCallback): PendingDecision {
    const { transaction_id: transactionId, user_id: kiipUserId } = verified.callback.fields;
    const parses = this.parsesOfUnknownReward(verified);
    const needed = this.config.kiipUnknownUsers === 'quarantine' ? [kiipUserId] : [];
    const lookup: CallbackLookup = {
      transactionId,
      kiipUserId,
      userIds: parses?.exhaustive === true ? [...parses.byUser.keys(), ...needed] : [],
    };
    const decide = (context: CallbackContext) => this.decide(verified, context, parses);
    return {
      assumed: this.assume(lookup, decide),
      decide,
      evaluate: async () => decide(await this.promisedRewards.findContext(lookup)),
    };
  }

  private assume(lookup: CallbackLookup, decide: PendingDecision['decide']): PendingDecision['assumed'] {
    if (lookup.userIds.length > MAX_ASSUMED_USERS) return undefined;
    const context = this.promisedRewards.assumeContext(lookup);
    if (!context) return undefined;
    const decided = decide(toContext(lookup, context));
    return decided.decision.status === 'recorded' ? { decided, assumption: { lookup, context } } : undefined;
  }

  private decide(
    verified: VerifiedCallback,
    context: CallbackContext,
    parses: AlternativeParses | undefined,
  ): CallbackDecision {
    const { transaction_id, user_id } = verified.callback.fields;
    const promisee = context.promisees.find(({ kiipUserId }) => kiipUserId === user_id);
    // A quarantined callback needs a user too: it may be released.
    const recipient = toRecipient(user_id, context, promisee);
    const reason = this.quarantineReason(verified, context, recipient, parses);
    return {
      ...recipient,
      name: this.trustedName(verified),
      // A callback for a test reward may name its transaction without `test_`.
      isTest: isTestTransaction(transaction_id) || promisee?.isTest === true,
      // No promise could make it acceptable unless it is well-formed.
      awaitsPromise: context.promisees.length === 0 && isWellFormed(verified.callback.fields),
      promisee,
      decision: reason === undefined ? { status: 'recorded' } : { status: 'quarantined', reason },
    };
  }

  /** The ways to split the text, by which a callback for an unknown reward is judged; undefined if it breaks a rule, or none is recorded. */
  private parsesOfUnknownReward({
    callback: { fields },
    match: { scheme },
  }: VerifiedCallback): AlternativeParses | undefined {
    if (this.config.kiipUnknownRewards === 'quarantine' || findViolation(scheme, fields, this.rules))
      return undefined;
    return findAlternativeParses(scheme, fields, this.rules);
  }

  /** Returns undefined if the callback can be recorded. */
  private quarantineReason(
    { callback: { fields }, match: { scheme } }: VerifiedCallback,
    { promisees, referencedUser, registered }: CallbackContext,
    { userReference }: Recipient,
    parses: AlternativeParses | undefined,
  ): QuarantineReason | undefined {
    // A callback that was quarantined before the legacy scheme was disabled has no signature for its name.
    if (scheme === 'legacy-redemption' && !this.rules.legacySignature)
      return { code: 'field-shape', field: 'name' };
    if (promisees.length > 0) return findPromiseViolation(scheme, fields, promisees, this.rules);
    if (parses === undefined) return findViolation(scheme, fields, this.rules) ?? { code: 'unknown-reward' };
    if (this.rules.userReference === 'opaque' && userReference === null)
      return { code: 'unknown-user-reference' };
    if (!parses.exhaustive) return { code: 'too-many-readings' };
    // The gateway has sent the user of another one to Kiip.
    if ([...parses.byUser.keys()].some((user) => registered.has(user)))
      return { code: 'more-than-one-reading' };
    const isKnown = referencedUser !== undefined || registered.has(fields.user_id);
    return this.config.kiipUnknownUsers === 'quarantine' && !isKnown ? { code: 'unknown-user' } : undefined;
  }

  /** The legacy scheme does not sign the name, so only a configured name can be trusted. */
  private trustedName({ callback: { fields }, match: { scheme } }: VerifiedCallback): string | null {
    if (scheme === 'legacy-redemption') return findCurrency(fields.content, this.rules)?.name ?? null;
    return ('name' in fields ? fields.name : undefined) ?? null;
  }
}

/** References are resolved with `plain` too: callbacks for earlier rewards may still arrive after a configuration change. */
function toRecipient(
  id: string,
  { referencedUser }: CallbackContext,
  promisee: Promisee | undefined,
): Recipient {
  const userId = promisee?.userId ?? referencedUser;
  return { userId: userId ?? id, userReference: userId === undefined || userId === id ? null : id };
}
