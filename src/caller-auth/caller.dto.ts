import { ApiProperty } from '@nestjs/swagger';
import { SCOPES } from '../config/parsers.js';
import type { Scope } from '../config/parsers.js';

/** A caller. */
export class CallerDto {
  /** Null without authentication. */
  @ApiProperty({ type: String, nullable: true, example: 'operations' })
  readonly name!: string | null;
  @ApiProperty({ enum: SCOPES, enumName: 'Scope', isArray: true, example: ['ledger:read'] })
  readonly scopes!: readonly Scope[];
}
