import type { QuarantineCode } from '../database/tables.js';

/** Why a callback is quarantined. */
export interface QuarantineReason {
  readonly code: QuarantineCode;
  /** The field that the reason is about, if it is about one. */
  readonly field?: string;
}

/** The reason as the API shows it: `cap: quantity`. */
export function formatReason({ code, field }: QuarantineReason): string {
  return field === undefined ? code : `${code}: ${field}`;
}
