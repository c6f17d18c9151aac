import { ApiProperty } from '@nestjs/swagger';
import { IsBoundedString } from '../validation/opaque-id.js';
import { IsNestedObject, KiipCallDto, KiipDeviceDto } from './kiip-call.dto.js';

/** What the user has done. */
export class KiipMomentRefDto {
  /** As in Kiip's dashboard. Opaque: it is called a UUID there, and Kiip's own sample is none. */
  @IsBoundedString('CgkIraKVsdIBEAIQEA')
  readonly id!: string;
}

/** A user has done something that may be rewarded. */
export class KiipMomentRequestDto extends KiipCallDto {
  @IsNestedObject(() => KiipDeviceDto)
  readonly device!: KiipDeviceDto;

  @IsNestedObject(() => KiipMomentRefDto)
  readonly moment!: KiipMomentRefDto;
}

/** A reward, in Kiip's words. What Kiip left out is `null`. */
export class RewardDto {
  /**
   * Begins with `test_` in test mode.
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
  readonly timeout_seconds!: number | null;
  /**
   * The page to show, exactly as Kiip gave it: https, on a host that this gateway allows.
   * @example 'https://api.kiip.me/reward/577ea3aa-b723-ae81-660c-79fae3443e12?mode=standalone'
   */
  readonly display_url!: string;
  /** @example false */
  readonly email_bounced!: boolean | null;
  /** @example null */
  readonly used_date!: string | null;
}

/** What Kiip makes of a moment. */
export class MomentDto {
  /** @example true */
  readonly rewarded!: boolean;
  /**
   * By Kiip's clock, in UTC; every digit is Kiip's. `null` where Kiip gave none.
   * @example '2016-07-07T18:47:06.353111Z'
   */
  readonly date!: string | null;
  /** `null` unless rewarded. */
  @ApiProperty({ type: RewardDto, nullable: true })
  readonly reward!: RewardDto | null;
}
