/**
 * Parses a `Retry-After` header (RFC 9110, 10.2.3).
 * @param date the `Date` header of the same response: the clock of the sender says how far away a date is, ours may be wrong
 * @returns seconds from now, at least 0; undefined if the header is absent or malformed
 */
export function parseRetryAfter(
  header: string | undefined,
  date?: string,
  now = Date.now(),
): number | undefined {
  const value = header?.trim() ?? '';
  if (/^\d{1,10}$/.test(value)) return Number(value);
  const at = parseHttpDate(value);
  if (at === undefined) return undefined;
  return Math.max(0, Math.ceil((at - (parseHttpDate(date) ?? now)) / 1000));
}

function parseHttpDate(value = ''): number | undefined {
  // Date.parse also accepts "5" or "-1", as a year. Only an HTTP date starts with the name of a day.
  const isDate = /^[A-Z][a-z]{2,},? /.test(value);
  // All three formats are in UTC; one of them does not say so.
  const at = isDate ? Date.parse(value.endsWith('GMT') ? value : `${value} GMT`) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}
