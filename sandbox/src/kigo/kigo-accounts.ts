import { createHash } from 'node:crypto';
import { z } from 'zod';
import { defined, NON_EMPTY, parseInput } from '../server/control-input.js';

const EXTERNAL_IDS = z.strictObject({ external_user_id: NON_EMPTY, external_program_id: NON_EMPTY });

const ACCOUNT_ID = z.union([NON_EMPTY, z.int().min(0)], {
  error: 'must be a non-empty string or a whole number from 0 up',
});

const CHANGES = z.strictObject({
  account_id: ACCOUNT_ID,
  /** null: the partner that the sandbox is set up for. */
  partner_id: NON_EMPTY.nullable(),
  /** Any JSON value, so that wrong types can be tried; null included. */
  unviewed_products: z.unknown(),
  total_tokens: z.unknown(),
  /** Further fields of the lookup and summary responses. */
  extra: z.record(z.string(), z.unknown()),
});

const ACCOUNT_CHANGE = EXTERNAL_IDS.extend(CHANGES.partial().shape);

export type ExternalIds = z.infer<typeof EXTERNAL_IDS>;

/** Which account, in the vendor's own names, and what is to change about it. */
export type KigoAccountChange = z.infer<typeof ACCOUNT_CHANGE>;

/** A virtual account. */
export interface KigoAccount extends ExternalIds, z.infer<typeof CHANGES> {
  /** Replaces `account_id` while the sandbox gives numeric ids. */
  numeric_id: number;
}

/** Virtual accounts by external ids. Ids that are not given are the same in every run. */
export class KigoAccounts {
  private readonly accounts = new Map<string, KigoAccount>();
  private readonly byId = new Map<string, KigoAccount>();
  private readonly programs = new Map<string, string | null>();

  /**
   * Creates an account, or changes the given fields of one. Counts of a new account are 0.
   * @throws ControlInputError naming a missing or ill-formed field
   */
  set(input: KigoAccountChange): KigoAccount {
    const change = parseInput(ACCOUNT_CHANGE, input);
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
    const ids = parseInput(EXTERNAL_IDS, which);
    const account = this.find(ids);
    if (account) this.forgetIds(account);
    return this.accounts.delete(keyOf(ids));
  }

  find(which: ExternalIds): KigoAccount | undefined {
    return this.accounts.get(keyOf(which));
  }

  /** By the id in a path: the account's own, or the number that stands for it. */
  findById(id: string): KigoAccount | undefined {
    return this.byId.get(id);
  }

  /** The partner of an account, or of the program where there is none; null is the sandbox's own. */
  findOwner(which: ExternalIds): string | null {
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
