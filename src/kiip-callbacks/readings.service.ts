import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { LedgerService } from '../ledger/ledger.service.js';
import { PromisedRewardsService } from '../promised-rewards/promised-rewards.service.js';
import { isUserReference } from '../user-references/user-reference.js';
import { UserReferencesService } from '../user-references/user-references.service.js';
import { findAlternativeParses } from './alternative-parses.js';
import type { SignedTextParse } from './alternative-parses.js';
import { toCallbackRules } from './field-rules.js';
import type { CallbackRules } from './field-rules.js';
import { findUnclearReadings } from './promise-rules.js';
import { toVerifiedCallback } from './verified-callback.js';

const MAX_READINGS = 50;

/** What a signed text could mean. `user_id` is the one that callers use, if the reference in the text is known. */
export interface Reading extends SignedTextParse {
  /** Whether the gateway has sent this user to Kiip. */
  readonly userKnown: boolean;
}

export interface Readings {
  readonly list: readonly Reading[];
  /** False if there are more of them than are listed, or nobody can tell. */
  readonly complete: boolean;
}

/** Finds what else the signed text of a quarantined callback could mean, by the rules that quarantined it. */
@Injectable()
export class ReadingsService {
  private readonly rules: CallbackRules;

  constructor(
    config: Config,
    private readonly ledger: LedgerService,
    private readonly promisedRewards: PromisedRewardsService,
    private readonly users: UserReferencesService,
  ) {
    this.rules = toCallbackRules(config);
  }

  /**
   * Those of users who were sent to Kiip first.
   * @throws StorageUnavailableError
   */
  async find(entryId: string): Promise<Readings> {
    const entry = await this.ledger.findQuarantined(entryId);
    const verified = entry && toVerifiedCallback(entry);
    if (!verified) return { list: [], complete: false };
    const { fields } = verified.callback;
    const { scheme } = verified.match;
    const parses = findAlternativeParses(scheme, fields, this.rules);
    const general = parses.exhaustive ? [...parses.byUser.values()].flat() : [];
    const ofPromise = [...findUnclearReadings(scheme, fields, this.rules)];
    const { promisees, registered } = await this.promisedRewards.findContext({
      transactionId: fields.transaction_id,
      kiipUserId: fields.user_id,
      userIds: [...general, ...ofPromise].map(({ user_id }) => user_id),
    });
    const found = promisees.length > 0 ? [...general, ...ofPromise] : general;
    const readings = [...new Map(found.map((parse) => [JSON.stringify(parse), parse])).values()]
      .map((parse) => ({ ...parse, userKnown: registered.has(parse.user_id) }))
      .toSorted((one, other) => Number(other.userKnown) - Number(one.userKnown));
    const list = await Promise.all(readings.slice(0, MAX_READINGS).map((reading) => this.nameUser(reading)));
    return { list, complete: parses.exhaustive && readings.length <= MAX_READINGS };
  }

  private async nameUser(reading: Reading): Promise<Reading> {
    if (!reading.userKnown || !isUserReference(reading.user_id)) return reading;
    return { ...reading, user_id: (await this.users.resolve(reading.user_id)) ?? reading.user_id };
  }
}
