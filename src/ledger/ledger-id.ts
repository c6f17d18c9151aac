import { randomUUID } from 'node:crypto';

const LEDGER_ID_PATTERN = /^iss_[0-9a-f]{32}$/;
const MAX_COUNTER = 0xff_ff;

let latestMs = 0;
let counter = 0;

/**
 * A new id: the time in milliseconds (12 hexadecimal digits), a counter within it (4), random (16), after the idea of
 * UUID version 7 (RFC 9562, 5.7 and 6.2). The ids of one process are sorted by creation, even if its clock is set back.
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
  return `iss_${hex(latestMs, 12)}${hex(counter, 4)}${randomDigits()}`;
}

/** Those of a UUID that are random: Node.js draws the bytes of many UUIDs at once. */
function randomDigits(): string {
  const uuid = randomUUID();
  return uuid.slice(0, 4) + uuid.slice(-12);
}

/** The lowest id that an entry created at this time can have. */
export function firstLedgerIdAt(timeMs: number): string {
  return `iss_${hex(Math.max(0, timeMs), 12)}`;
}

/** Whether the text has the form of an entry id. */
export function isLedgerId(text: string): boolean {
  return LEDGER_ID_PATTERN.test(text);
}

function hex(number: number, digits: number): string {
  return number.toString(16).padStart(digits, '0');
}
