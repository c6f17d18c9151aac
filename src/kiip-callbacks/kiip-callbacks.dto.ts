/** What became of a callback. All of these end it: Kiip need not send it again. */
export class CallbackResultDto {
  /**
   * `recorded`: new, and now in the ledger. `duplicate`: the same came before; `id` is that of the first.
   * `quarantined`: correctly signed, but something is odd; it is kept, and waits for a decision.
   * @example 'recorded'
   */
  readonly status!: 'recorded' | 'duplicate' | 'quarantined';
  /** @example 'iss_0190c1d2e3f4000000112233445566aa' */
  readonly id!: string;
}
