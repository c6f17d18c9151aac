import { ApiProperty } from '@nestjs/swagger';

/** What the gateway did with a callback. With each of these statuses, Kiip need not send it again. */
export class CallbackResultDto {
  /**
   * `recorded`: it is new, and now in the ledger. `duplicate`: it was received before, and `id` is the first one's.
   * `quarantined`: the signature is valid, but the content is doubtful. It is stored until somebody releases or
   * discards it. `spooled`: the database is unavailable, and the callback is on a disk until it is recorded.
   * @example 'recorded'
   */
  @ApiProperty({ enum: ['duplicate', 'recorded', 'quarantined', 'spooled'] })
  readonly status!: 'recorded' | 'duplicate' | 'quarantined' | 'spooled';
  /**
   * Missing when the status is `spooled`.
   * @example 'iss_0190c1d2e3f4000000112233445566aa'
   */
  readonly id?: string;
}
