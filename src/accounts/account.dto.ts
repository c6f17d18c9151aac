import { IsOpaqueId } from '../validation/opaque-id.js';

/** The caller's own ids of a user and of the program that the user takes part in. */
export class ExternalUserDto {
  @IsOpaqueId('user123')
  readonly external_user_id!: string;

  @IsOpaqueId('program456')
  readonly external_program_id!: string;
}

/** The Kigo account of a user. */
export class AccountDto {
  /**
   * Opaque, always a string.
   * @example 'acc_ebb985857d0c94bdee6c'
   */
  readonly account_id!: string;
}
