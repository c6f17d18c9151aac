import { spawnSync } from 'node:child_process';

const installed = spawnSync('promtool', ['--version']).status === 0;
const required = process.env['CI'] === 'true' || process.env['REQUIRE_SERVICES'] === '1';

/** `describe`, or a loud skip on a machine without promtool; where services are required the tests run, and fail. */
export const describeWithPromtool = installed || required ? describe : skipLoudly();

function skipLoudly(): typeof describe.skip {
  console.warn('SKIPPED: the tests of the alert rules. There is no promtool (Debian: prometheus) here.');
  return describe.skip;
}

/** Runs promtool in a folder. @returns its exit code, and all that it said */
export function promtool(folder: string, ...args: string[]): { status: number | null; said: string } {
  const { status, stdout, stderr, error } = spawnSync('promtool', args, { cwd: folder, encoding: 'utf8' });
  if (error) throw error;
  return { status, said: stdout + stderr };
}
