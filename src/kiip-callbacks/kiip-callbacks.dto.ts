import { ApiProperty } from '@nestjs/swagger';

/** What the gateway did with a callback. With each of these statuses, Kiip need not send it again. */
export class CallbackResultDto {
  /**
   * `recorded`: it is new, and now in the ledger. `duplicate`: it was received before, and `id` is the first one's.
   * `quarantined`: the signature is valid, but the content is doubtful. It is stored until somebody releases or
   * discards it.
   * @example 'recorded'
   */
  @ApiProperty({ enum: ['duplicate', 'recorded', 'quarantined'] })
  readonly status!: 'recorded' | 'duplicate' | 'quarantined';
  /** @example 'iss_0190c1d2e3f4000000112233445566aa' */
  readonly id!: string;
}
