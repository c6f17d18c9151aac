import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, Max, Min, ValidateBy } from 'class-validator';

/** Marks the cursor of a list. `isCursor` says whether a string has the form of a `next` of that list. */
export function IsCursor(isCursor: (value: string) => boolean): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ type: String, required: false }),
    IsOptional(),
    ValidateBy({
      name: 'isCursor',
      validator: {
        validate: (value) => typeof value === 'string' && isCursor(value),
        defaultMessage: (args) => `${args?.property} must be the next of an earlier response`,
      },
    }),
  );
}

const LIST_ORDERS = ['asc', 'desc'] as const;

/** The size of a page. */
export abstract class PaginationQueryDto {
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(500)
  @ApiProperty({ type: 'integer', required: false })
  readonly limit: number = 100;
}

/** The size of a page, and the order of a list. */
export abstract class OrderedPaginationQueryDto extends PaginationQueryDto {
  /** `asc` (the default): oldest first. `desc`: newest first; the last page has less than `limit` items. */
  @IsOptional()
  @IsIn(LIST_ORDERS)
  @ApiProperty({ enum: LIST_ORDERS, enumName: 'ListOrder', required: false })
  readonly order: (typeof LIST_ORDERS)[number] = 'asc';
}
