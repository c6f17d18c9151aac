import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, Max, Min, ValidateBy } from 'class-validator';

/** Marks the member that says where a list goes on. `isOurs` tells whether a text has the form of a `next` of that list. */
export function IsCursor(isOurs: (text: string) => boolean): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ type: String, required: false }),
    IsOptional(),
    ValidateBy({
      name: 'isCursor',
      validator: {
        validate: (value) => typeof value === 'string' && isOurs(value),
        defaultMessage: (args) => `${args?.property} must be the next of an earlier answer`,
      },
    }),
  );
}

/** How much of a list is asked for. */
export abstract class PaginationQueryDto {
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(500)
  @ApiProperty({ type: 'integer', required: false })
  readonly limit: number = 100;
}
