import { Plain } from '../validation/accepts.js';
import { ApiProperty, getSchemaPath } from '@nestjs/swagger';
import { IsBoundedString } from '../validation/opaque-id.js';
import { IsNestedObject } from '../validation/nested.decorator.js';
import { KiipCallDto, KiipDeviceDto } from './kiip-call.dto.js';

/** The action of the user. */
export class KiipMomentRefDto {
  /** The id of the moment in Kiip's dashboard. Opaque: it need not be a UUID. */
  @IsBoundedString('CgkIraKVsdIBEAIQEA')
  readonly id!: string;
}

/** An action of a user that Kiip may reward. */
@Plain()
export class KiipMomentRequestDto extends KiipCallDto {
  @IsNestedObject(() => KiipDeviceDto)
  readonly device!: KiipDeviceDto;

  @IsNestedObject(() => KiipMomentRefDto)
  readonly moment!: KiipMomentRefDto;
}

/** A reward. A field that Kiip's response does not have is `null`. */
export class RewardDto {
  /**
   * Starts with `test_` in test mode.
   * @example 'test_5473ca54-59a5-cf65-d319-c91697297fcc'
   */
  readonly id!: string | null;
  /** @example 'Test Reward - Virtual Click' */
  readonly name!: string | null;
  /** @example 'https://d3aq14vri881or.cloudfront.net/reward.png' */
  readonly image_url!: string | null;
  /** @example 'Loading your Kiip Reward:' */
  readonly title!: string | null;
  /** @example 'Test Reward - Virtual Click' */
  readonly message!: string | null;
  /** @example 10 */
  @ApiProperty({ type: Number, format: 'double', nullable: true })
  readonly timeout_seconds!: number | null;
  /**
   * The URL of the page to show, unchanged from Kiip. It is https, on a host that the gateway allows.
   * @example 'https://api.kiip.me/reward/577ea3aa-b723-ae81-660c-79fae3443e12?mode=standalone'
   */
  readonly display_url!: string;
  /** @example false */
  readonly email_bounced!: boolean | null;
  /** @example '2016-07-08T09:00:00.000000Z' */
  readonly used_date!: string | null;
}

/** A moment that Kiip rewarded. */
export class RewardedMomentDto {
  @ApiProperty({ type: Boolean, enum: [true] })
  readonly rewarded!: true;
  /**
   * The time of Kiip's response, in UTC, with the precision of Kiip. `null` if Kiip sent none.
   * @example '2016-07-07T18:47:06.353111Z'
   */
  readonly date!: string | null;
  readonly reward!: RewardDto;
}

/** A moment without a reward. */
export class UnrewardedMomentDto {
  @ApiProperty({ type: Boolean, enum: [false] })
  readonly rewarded!: false;
  /**
   * The time of Kiip's response, in UTC, with the precision of Kiip. `null` if Kiip sent none.
   * @example '2016-07-07T18:47:06.353111Z'
   */
  readonly date!: string | null;
  @ApiProperty({ type: 'null' })
  readonly reward!: null;
}

/** The result of a moment. */
export type MomentDto = RewardedMomentDto | UnrewardedMomentDto;

/** `rewarded` tells them apart. It is no string, so it cannot be the `discriminator`. */
export const MOMENT = {
  title: 'Moment',
  description: 'The result of a moment.',
  oneOf: [{ $ref: getSchemaPath(RewardedMomentDto) }, { $ref: getSchemaPath(UnrewardedMomentDto) }],
};
