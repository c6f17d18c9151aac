import { ApiProperty } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsIn, IsObject } from 'class-validator';
import { IsInstant } from '../validation/instant.js';
import { IsOptionalNotNull } from '../validation/optional-not-null.decorator.js';
import { IsBoundedString } from '../validation/opaque-id.js';
import { AreNestedObjects, IsNestedObject } from '../validation/nested.decorator.js';
import { KiipCallDto, KiipDeviceDto } from './kiip-call.dto.js';

const MAX_USER_AGENT_LENGTH = 2_048;

/** The device of a session. */
export class KiipSessionDeviceDto extends KiipDeviceDto {
  /** The user agent of the device's browser. */
  @IsOptionalNotNull()
  @IsBoundedString('Mozilla/5.0 (Linux; Android 5.0; Nexus 5)', {
    maxLength: MAX_USER_AGENT_LENGTH,
    required: false,
  })
  readonly user_agent?: string;
}

/** The app was opened or closed. */
export class KiipSessionEventDto {
  /** @example 'session_start' */
  @ApiProperty({ enum: ['session_start', 'session_end'], enumName: 'KiipSessionEventKind' })
  @IsIn(['session_start', 'session_end'])
  readonly id!: string;

  /** The start of the session. A time without a zone is UTC. */
  @IsInstant('2015-01-28T01:32:22.852Z')
  readonly start!: string;

  /** The end of the session, if it has ended. A time without a zone is UTC. */
  @IsOptionalNotNull()
  @IsInstant('2015-01-28T01:47:00.000Z', { required: false })
  readonly end?: string;
}

/** The start or the end of a session. */
export class KiipSessionRequestDto extends KiipCallDto {
  @IsNestedObject(() => KiipSessionDeviceDto)
  readonly device!: KiipSessionDeviceDto;

  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @IsObject({ each: true })
  @AreNestedObjects(() => KiipSessionEventDto)
  readonly events!: KiipSessionEventDto[];
}

/** The result of a session call. */
export class SessionDto {
  /**
   * The start of the session by Kiip's clock, in UTC, with the precision of Kiip.
   * @example '2015-01-28T01:32:24.697136Z'
   */
  readonly date!: string;
}
