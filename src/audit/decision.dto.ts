import { ApiProperty } from '@nestjs/swagger';
import { MaxLength, MinLength, IsString } from 'class-validator';
import { IsOptionalNotNull } from '../validation/optional-not-null.decorator.js';
import { Plain } from '../validation/accepts.js';

const REASON_EXAMPLE = 'Confirmed by Kiip, ticket 4711';

/** Why somebody does something, for the audit log. */
@Plain()
export class DecisionDto {
  /** No personal data: it is kept for as long as the ledger. */
  @IsOptionalNotNull()
  @IsString()
  @MinLength(1)
  @MaxLength(500)
  @ApiProperty({ required: false, minLength: 1, maxLength: 500, example: REASON_EXAMPLE })
  readonly reason?: string;
}

/** For `@ApiBody`. */
export const DECISION_BODY = {
  type: DecisionDto,
  required: false,
  examples: { decision: { value: { reason: REASON_EXAMPLE } } },
};
