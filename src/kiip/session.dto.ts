import { Type } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsIn, IsObject, ValidateNested } from 'class-validator';
import { IsInstant } from '../validation/instant.js';
import { IsOptionalNotNull } from '../validation/optional-not-null.decorator.js';
import { IsBoundedString } from '../validation/opaque-id.js';
import { IsNestedObject, KiipCallDto, KiipDeviceDto } from './kiip-call.dto.js';

const longestUserAgent = 2_048;

/** The device, as a session tells of it. */
export class KiipSessionDevice extends KiipDeviceDto {
  /** Of the device's browser. */
  @IsOptionalNotNull()
  @IsBoundedString('Mozilla/5.0 (Linux; Android 5.0; Nexus 5)', {
    maxLength: longestUserAgent,
    required: false,
  })
  readonly user_agent?: string;
}

/** The app was opened, or closed. */
export class KiipSessionEvent {
  /** @example 'session_start' */
  @IsIn(['session_start', 'session_end'])
  readonly id!: string;

  /** What has no zone is UTC. */
  @IsInstant('2015-01-28T01:32:22.852Z')
  readonly start!: string;

  /** Of a session that is over. What has no zone is UTC. */
  @IsOptionalNotNull()
  @IsInstant('2015-01-28T01:47:00.000Z', { required: false })
  readonly end?: string;
}

/** A session of a user begins or ends. */
export class KiipSessionRequestDto extends KiipCallDto {
  @IsNestedObject(() => KiipSessionDevice)
  readonly device!: KiipSessionDevice;

  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => KiipSessionEvent)
  readonly events!: KiipSessionEvent[];
}

/** Kiip has taken note of a session. */
export class SessionDto {
  /**
   * When the session began, by Kiip's clock, in UTC; every digit is Kiip's.
   * @example '2015-01-28T01:32:24.697136Z'
   */
  readonly date!: string;
}
