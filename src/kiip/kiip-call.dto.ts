import { isIP } from 'node:net';
import { ApiProperty } from '@nestjs/swagger';
import { IsBoolean, IsEmail, IsIn, IsInt, IsNumber, Matches, Max, Min, ValidateBy } from 'class-validator';
import { IsNestedObject } from '../validation/nested.decorator.js';
import { IsOptionalNotNull } from '../validation/optional-not-null.decorator.js';
import { IsBoundedString } from '../validation/opaque-id.js';

// The fields that sessions and moments share, with Kiip's names (docs/vendors/kiip.md, 2 and 3).

/** The app that sends the call. The gateway adds its `app_key`. */
export class KiipAppDto {
  /** The version of the app. */
  @IsBoundedString('4281020')
  readonly version!: string;
}

/** The network connection of the device. */
export class KiipConnectionDto {
  /** The IPv4 or IPv6 address of the device. */
  @ApiProperty({ type: String, example: '203.0.113.7' })
  @ValidateBy({
    name: 'isIpAddress',
    validator: {
      validate: (value) => typeof value === 'string' && isIP(value) !== 0 && !value.includes('%'),
      defaultMessage: (args) => `${args?.property} must be an IPv4 or IPv6 address`,
    },
  })
  readonly ip!: string;

  @IsOptionalNotNull()
  @IsBoundedString('WIFI', { required: false })
  readonly type?: string;

  @IsOptionalNotNull()
  @IsBoundedString('ATT', { required: false })
  readonly carrier?: string;
}

/** The device of the user. */
export class KiipDeviceDto {
  /** The advertising identifier. Opaque: it need not be a UUID. */
  @IsBoundedString('45e3-1d799e20-963a-4ddd-8593-0683b30e7d5b')
  readonly id!: string;

  @IsBoundedString('en')
  readonly lang!: string;

  @IsBoundedString('en_US')
  readonly locale!: string;

  @IsBoundedString('google')
  readonly manufacturer!: string;

  @IsBoundedString('nexus_5')
  readonly model!: string;

  /** The operating system, with its version. */
  @IsBoundedString('Android 5.0')
  @Matches(/\d/, { message: 'os must include a version number' })
  readonly os!: string;

  /** Width and height in pixels. */
  @IsBoundedString('1080x1776')
  @Matches(/^[1-9]\d{0,4}x[1-9]\d{0,4}$/, { message: 'resolution must be like 1080x1776' })
  readonly resolution!: string;

  /** The screen density, as a number or a string. */
  @IsOptionalNotNull()
  @ApiProperty({
    oneOf: [
      { type: 'number', minimum: 0 },
      { type: 'string', minLength: 1, maxLength: 256 },
    ],
    example: 3.5,
    required: false,
  })
  @ValidateBy({
    name: 'isDensity',
    validator: {
      validate: isDensity,
      defaultMessage: (args) => `${args?.property} must be a positive number or a non-empty string`,
    },
  })
  readonly density?: string | number;
}

/** The location of the device. */
export class KiipLocationDto {
  /** @example 39.0437192 */
  @ApiProperty({ type: Number, format: 'double' })
  @IsNumber()
  @Min(-90)
  @Max(90)
  readonly lat!: number;

  /** @example -77.4874899 */
  @ApiProperty({ type: Number, format: 'double' })
  @IsNumber()
  @Min(-180)
  @Max(180)
  readonly lng!: number;
}

/** The user of the app. */
export class KiipUserDto {
  /** The age in years. */
  @IsOptionalNotNull()
  @ApiProperty({ type: 'integer', minimum: 0, maximum: 150, example: 31, required: false })
  @IsInt()
  @Min(0)
  @Max(150)
  readonly age?: number;

  /** @example 'f' */
  @IsOptionalNotNull()
  @ApiProperty({ enum: ['m', 'f'], enumName: 'Gender', required: false })
  @IsIn(['m', 'f'])
  readonly gender?: string;

  /**
   * The caller's own id of the user. Kiip sends it in callbacks, so no virtual currency can be issued without it. The gateway
   * stores it before it sends the call.
   */
  @IsOptionalNotNull()
  @IsBoundedString('user-123', { required: false })
  readonly userid?: string;
}

/** The fields that sessions and moments share. */
export class KiipCallDto {
  @IsNestedObject(() => KiipAppDto)
  readonly app!: KiipAppDto;

  @IsNestedObject(() => KiipConnectionDto)
  readonly connection!: KiipConnectionDto;

  @IsOptionalNotNull()
  @IsNestedObject(() => KiipLocationDto)
  readonly location?: KiipLocationDto;

  @IsOptionalNotNull()
  @IsNestedObject(() => KiipUserDto)
  readonly user?: KiipUserDto;

  /**
   * `false` hides the button that closes a reward.
   * @example true
   */
  @IsOptionalNotNull()
  @IsBoolean()
  readonly close_button?: boolean;

  /**
   * The e-mail address that the reward page shows in its form.
   * @example 'someone@example.com'
   */
  @IsOptionalNotNull()
  @IsEmail()
  readonly email_address?: string;
}

function isDensity(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && value > 0;
  return typeof value === 'string' && /^[^\p{Cc}\p{Cs}]{1,256}$/u.test(value);
}
