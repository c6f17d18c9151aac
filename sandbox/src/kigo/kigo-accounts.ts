import { createHash } from 'node:crypto';
import { aText, anInteger, anObject, anything, checkMembers, defined, either } from '../server/check.js';
import type { Check } from '../server/check.js';

/** A virtual account, in the vendor's own names. */
export interface KigoAccount {
  external_user_id: string;
  external_program_id: string;
  account_id: string | number;
  /** Replaces `account_id` while the sandbox gives numeric ids. */
  numeric_id: number;
  /** null: the partner that the sandbox is set up for. */
  partner_id: string | null;
  /** Any JSON value, so that wrong types can be tried; null included. */
  unviewed_products: unknown;
  total_tokens: unknown;
  /** Further fields of the lookup and summary answers. */
  extra: Record<string, unknown>;
}

export type ExternalIds = Pick<KigoAccount, 'external_user_id' | 'external_program_id'>;

/** Which account, and what is to change about it. */
export type KigoAccountChange = ExternalIds & Partial<Omit<KigoAccount, 'numeric_id'>>;

const WHICH = { external_user_id: aText, external_program_id: aText };
const CHECKS: Record<keyof KigoAccountChange, Check> = {
  ...WHICH,
  account_id: either(aText, anInteger(0)),
  partner_id: either(aText, (value) => (value === null ? undefined : 'must be null')),
  unviewed_products: anything,
  total_tokens: anything,
  extra: anObject,
};

/** Virtual accounts by external ids. Ids that are not given are the same in every run. */
export class KigoAccounts {
  private readonly accounts = new Map<string, KigoAccount>();
  private readonly byId = new Map<string, KigoAccount>();
  private readonly programs = new Map<string, string | null>();

  /**
   * Creates an account, or changes the given fields of one. Counts of a new account are 0.
   * @throws ControlInputError naming a missing or ill-formed field
   */
  set(change: KigoAccountChange): KigoAccount {
    checkMembers(change, CHECKS, Object.keys(WHICH));
    const key = keyOf(change);
    const before = this.accounts.get(key);
    const digest = createHash('sha256').update(key).digest('hex');
    const account: KigoAccount = {
      account_id: `acc_${digest.slice(0, 20)}`,
      numeric_id: Number.parseInt(digest.slice(0, 10), 16),
      partner_id: null,
      unviewed_products: 0,
      total_tokens: 0,
      extra: {},
      ...before,
      ...defined(change),
    };
    if (typeof account.account_id === 'number') account.numeric_id = account.account_id;
    if (before) this.forgetIds(before);
    this.accounts.set(key, account);
    for (const id of idsOf(account)) this.byId.set(id, account);
    this.programs.set(account.external_program_id, account.partner_id);
    return { ...account };
  }

  /**
   * Whether there was such an account.
   * @throws ControlInputError naming a missing external id
   */
  remove(which: ExternalIds): boolean {
    checkMembers(which, WHICH, Object.keys(WHICH));
    const account = this.find(which);
    if (account) this.forgetIds(account);
    return this.accounts.delete(keyOf(which));
  }

  find(which: ExternalIds): KigoAccount | undefined {
    return this.accounts.get(keyOf(which));
  }

  /** By the id in a path: the account's own, or the number that stands for it. */
  findById(id: string): KigoAccount | undefined {
    return this.byId.get(id);
  }

  /** The partner of an account, or of the program where there is none; null is the sandbox's own. */
  ownerOf(which: ExternalIds): string | null {
    const account = this.find(which);
    return account ? account.partner_id : (this.programs.get(which.external_program_id) ?? null);
  }

  list(): KigoAccount[] {
    return [...this.accounts.values()];
  }

  clear(): void {
    for (const known of [this.accounts, this.byId, this.programs]) known.clear();
  }

  private forgetIds(account: KigoAccount): void {
    for (const id of idsOf(account)) if (this.byId.get(id) === account) this.byId.delete(id);
  }
}

const idsOf = ({ account_id, numeric_id }: KigoAccount): string[] => [String(account_id), String(numeric_id)];
const keyOf = ({ external_user_id, external_program_id }: ExternalIds): string =>
  JSON.stringify([external_user_id, external_program_id]);
