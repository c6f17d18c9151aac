const required = process.env['CI'] === 'true' || process.env['REQUIRE_SERVICES'] === '1';

/**
 * `describe`, or `describe.skip` with a warning where the program is not installed. In CI, and with REQUIRE_SERVICES=1, the tests
 * run and fail instead.
 * @param missing says which program was not found
 */
export function describeWhenInstalled(installed: boolean, missing: string): typeof describe {
  if (installed || required) return describe;
  console.warn(`SKIPPED: ${missing}`);
  return describe.skip;
}
