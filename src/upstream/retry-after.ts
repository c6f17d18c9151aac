/**
 * Parses a `Retry-After` header (RFC 9110, 10.2.3).
 * @returns seconds from now, at least 0; undefined if the header is absent or malformed
 */
export function parseRetryAfter(header: string | undefined, now = Date.now()): number | undefined {
  const value = header?.trim() ?? '';
  if (/^\d{1,10}$/.test(value)) return Number(value);
  // Date.parse also accepts "5" or "-1", as a year. Only an HTTP date starts with the name of a day.
  if (!/^[A-Z][a-z]{2},? /.test(value)) return undefined;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now) / 1000));
}
