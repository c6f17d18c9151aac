import { ApiProperty, getSchemaPath } from '@nestjs/swagger';

/** The callback is in the ledger. */
export class StoredCallbackDto {
  /**
   * `recorded`: it is new. `duplicate`: it was received before, and `id` is the first one's. `quarantined`: the signature is valid, but the content is doubtful; it waits until somebody releases or discards it.
   * @example 'recorded'
   */
  @ApiProperty({ enum: ['duplicate', 'recorded', 'quarantined'], enumName: 'StoredCallbackStatus' })
  readonly status!: 'recorded' | 'duplicate' | 'quarantined';
  /** @example 'iss_0190c1d2e3f4000000112233445566aa' */
  readonly id!: string;
}

/** The database is unavailable: the callback is on a disk until it is recorded. */
export class SpooledCallbackDto {
  /** @example 'spooled' */
  @ApiProperty({ enum: ['spooled'] })
  readonly status!: 'spooled';
}

/** What the gateway did with a callback. With each of these statuses, Kiip need not send it again. */
export type CallbackResultDto = StoredCallbackDto | SpooledCallbackDto;

const STORED = getSchemaPath(StoredCallbackDto);
const SPOOLED = getSchemaPath(SpooledCallbackDto);

export const CALLBACK_RESULT = {
  title: 'CallbackResult',
  description:
    'What the gateway did with a callback. With each of these statuses, Kiip need not send it again.',
  oneOf: [{ $ref: STORED }, { $ref: SPOOLED }],
  discriminator: {
    propertyName: 'status',
    mapping: { recorded: STORED, duplicate: STORED, quarantined: STORED, spooled: SPOOLED },
  },
};
