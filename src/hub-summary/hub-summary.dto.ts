import { Plain } from '../validation/accepts.js';
import { ApiExtraModels, ApiProperty, getSchemaPath } from '@nestjs/swagger';
import { AreNestedObjects } from '../validation/nested.decorator.js';
import { ArrayMaxSize, ArrayMinSize, IsArray } from 'class-validator';
import { ExternalUserDto } from '../accounts/account.dto.js';
import { IsOpaqueId } from '../validation/opaque-id.js';
import { ProblemDto } from '../problem/problem.dto.js';

/** A Kigo account. */
export class AccountParamsDto {
  @IsOpaqueId('acc_ebb985857d0c94bdee6c')
  readonly account_id!: string;
}

/** A user's unviewed count. */
export class UnviewedCountDto {
  /**
   * How many tokens the user has not yet viewed: Kigo's `unviewed_products`.
   * @example 12
   */
  @ApiProperty({ type: 'integer', minimum: 0 })
  readonly count!: number;
}

/** The hub summary of an account. */
export class HubSummaryDto {
  /** @example 'acc_ebb985857d0c94bdee6c' */
  readonly account_id!: string;
  /**
   * Tokens that the user has not yet viewed, as Kigo counts them.
   * @example 12
   */
  @ApiProperty({ type: 'integer', minimum: 0 })
  readonly unviewed_products!: number;
  /** @example 34 */
  @ApiProperty({ type: 'integer', minimum: 0 })
  readonly total_tokens!: number;
  /**
   * When the summary was requested from Kigo.
   * @example '2026-01-31T12:00:00.000Z'
   */
  readonly as_of!: string;
  /**
   * Whether this is a stale summary, served while Kigo fails.
   * @example false
   */
  readonly stale!: boolean;
}

export const MAX_BATCH_USERS = 100;

/** The users whose counts are requested. */
@Plain()
export class UnviewedCountsRequestDto {
  @IsArray()
  @ArrayMinSize(1)
  // The API description needs the number itself: see MAX_BATCH_USERS.
  @ArrayMaxSize(100)
  @AreNestedObjects(() => ExternalUserDto, '$property must hold JSON objects only')
  readonly users!: ExternalUserDto[];
}

class RequestedUserDto {
  /** @example 'user123' */
  readonly external_user_id!: string;
  /** @example 'program456' */
  readonly external_program_id!: string;
}

/** The count of one user. */
export class UserCountDto extends RequestedUserDto {
  /** @example 12 */
  @ApiProperty({ type: 'integer', minimum: 0 })
  readonly count!: number;
}

/** The problem that prevented the count of one user. */
export class UserCountProblemDto extends RequestedUserDto {
  readonly problem!: ProblemDto;
}

@ApiExtraModels(UserCountDto, UserCountProblemDto)
export class UnviewedCountsDto {
  /** In the order of the request. */
  @ApiProperty({
    type: 'array',
    items: {
      title: 'UnviewedCountResult',
      description: 'A count, or a problem instead.',
      oneOf: [{ $ref: getSchemaPath(UserCountDto) }, { $ref: getSchemaPath(UserCountProblemDto) }],
    },
  })
  readonly results!: (UserCountDto | UserCountProblemDto)[];
}

/** The users whose counts will be refreshed. */
export class CountRefreshDto {
  /**
   * How many different users the request names.
   * @example 2
   */
  @ApiProperty({ type: 'integer', minimum: 1, maximum: 100 })
  readonly accepted!: number;
}
