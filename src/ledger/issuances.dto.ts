import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { IsOpaqueId } from '../validation/opaque-id.js';
import { IsCursor, OrderedPaginationQueryDto } from '../validation/pagination.dto.js';
import { invalid } from '../problem/problem-catalogue.js';
import { Problem } from '../problem/problem.js';
import { isFeedCursor } from './ledger-feed.js';
import type { LedgerEntry } from './ledger-entry.js';
import { formatReason } from './quarantine-reason.js';

const STATUSES = ['recorded', 'quarantined', 'released', 'discarded'] as const;

export class IssuancesQueryDto extends OrderedPaginationQueryDto {
  /** Only entries of this user. */
  @IsOptional()
  @IsOpaqueId('user-123', { required: false })
  readonly user_id?: string;

  /** Only entries with this status. */
  @IsOptional()
  @IsIn(STATUSES)
  @ApiProperty({ enum: STATUSES, enumName: 'IssuanceStatus', required: false })
  readonly status?: (typeof STATUSES)[number];

  /** Only entries of this transaction. */
  @IsOptional()
  @IsOpaqueId('5473ca54-59a5-cf65-d319-c91697297fcc', { required: false })
  readonly transaction_id?: string;

  /** The `next` of an earlier response. */
  @IsCursor(isFeedCursor)
  readonly after?: string;
}

export class IssuanceParamsDto {
  @IsOpaqueId('iss_0190c1d2e3f4000000112233445566aa')
  readonly id!: string;
}

export class BalancesParamsDto {
  @IsOpaqueId('user-123')
  readonly user_id!: string;
}

/** A ledger entry: a callback with a valid signature. */
export class IssuanceDto {
  /** @example 'iss_0190c1d2e3f4000000112233445566aa' */
  readonly id!: string;
  @ApiProperty({ enum: ['redemption', 'issuance'], enumName: 'IssuanceKind', example: 'redemption' })
  readonly kind!: 'redemption' | 'issuance';
  @ApiProperty({ enum: STATUSES, enumName: 'IssuanceStatus', example: 'recorded' })
  readonly status!: (typeof STATUSES)[number];
  /** Why it was quarantined; null if it never was. */
  @ApiProperty({ type: String, nullable: true, example: null })
  readonly reason!: string | null;
  /**
   * Whether it is a test reward. Balances do not include test rewards.
   * @example false
   */
  readonly test!: boolean;
  /** @example '5473ca54-59a5-cf65-d319-c91697297fcc' */
  readonly transaction_id!: string;
  /** @example '7f3c2a10-0b1d-4c5e-8a9b-1234567890ab' */
  readonly content!: string;
  /** Null if the format has no name. */
  @ApiProperty({ type: String, nullable: true, example: 'Coins' })
  readonly name!: string | null;
  /** Null if the received quantity is not a number. Such an entry can only be discarded. */
  @ApiProperty({ type: Number, nullable: true, example: 20 })
  readonly quantity!: number | null;
  /**
   * The user id that callers use.
   * @example 'user-123'
   */
  readonly user_id!: string;
  @ApiProperty({ type: String, nullable: true, example: null })
  readonly nonce!: string | null;
  @ApiProperty({ type: String, nullable: true, example: null })
  readonly origin!: string | null;
  /** @example '2026-01-31T12:00:00.000Z' */
  readonly received_at!: string;
}

export class IssuancesDto {
  readonly items!: IssuanceDto[];
  /**
   * The cursor to continue with, now or later. It is present after the last entry too.
   * @example 'ZmVlZDo3OjFmNGMyYTkw'
   */
  readonly next!: string;
}

export class BalanceDto {
  /** @example '7f3c2a10-0b1d-4c5e-8a9b-1234567890ab' */
  readonly content!: string;
  @ApiProperty({ type: String, nullable: true, example: 'Coins' })
  readonly name!: string | null;
  /** @example 20 */
  readonly quantity!: number;
}

export class BalancesDto {
  /** @example 'user-123' */
  readonly user_id!: string;
  readonly balances!: BalanceDto[];
}

export const INVALID_USER_ID = invalid('/user_id', 'user_id must have at most 256 characters');
export const ENTRY_NOT_FOUND = Problem.of('not-found', 'The ledger has no such entry.', { retryable: false });

export const ISSUANCE_EXAMPLE = {
  id: 'iss_0190c1d2e3f4000000112233445566aa',
  kind: 'redemption',
  status: 'recorded',
  reason: null,
  test: false,
  transaction_id: '5473ca54-59a5-cf65-d319-c91697297fcc',
  content: '7f3c2a10-0b1d-4c5e-8a9b-1234567890ab',
  name: 'Coins',
  quantity: 20,
  user_id: 'user-123',
  nonce: null,
  origin: null,
  received_at: '2026-01-31T12:00:00.000Z',
};

export function toIssuanceDto(entry: LedgerEntry): IssuanceDto {
  const { id, kind, status, reason, isTest, content, name, quantity, nonce, origin } = entry;
  const { transactionId: transaction_id, userId: user_id } = entry;
  const received_at = entry.receivedAt.toISOString();
  return {
    id,
    kind,
    status,
    reason: reason && formatReason(reason),
    test: isTest,
    transaction_id,
    content,
    name,
    quantity,
    user_id,
    nonce,
    origin,
    received_at,
  };
}
