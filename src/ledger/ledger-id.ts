import { randomBytes } from 'node:crypto';

const LEDGER_ID_PATTERN = /^iss_[0-9a-f]{32}$/;
const MAX_COUNTER = 0xff_ff;

let latestMs = 0;
let counter = 0;

/**
 * A new id: the time in milliseconds (12 hexadecimal digits), a counter within it (4), random (16), after the idea of
 * UUID version 7 (RFC 9562, 5.7 and 6.2). Of one process, later ids sort behind earlier ones, even if its clock is set
 * back.
 */
export function newLedgerId(nowMs = Date.now()): string {
  if (nowMs > latestMs) {
    latestMs = nowMs;
    counter = 0;
  } else if (counter === MAX_COUNTER) {
    latestMs += 1;
    counter = 0;
  } else {
    counter += 1;
  }
  return `iss_${hex(latestMs, 12)}${hex(counter, 4)}${randomBytes(8).toString('hex')}`;
}

/** The least id that a row can have which was made at a time. */
export function firstLedgerIdAt(timeMs: number): string {
  return `iss_${hex(Math.max(0, timeMs), 12)}`;
}

/** Whether a text from outside can be the id of a row at all. */
export function isLedgerId(text: string): boolean {
  return LEDGER_ID_PATTERN.test(text);
}

function hex(number: number, digits: number): string {
  return number.toString(16).padStart(digits, '0');
}
