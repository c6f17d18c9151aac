import { spawnSync } from 'node:child_process';
import { describeWhenInstalled } from './describe-when-installed.js';

const installed = spawnSync('promtool', ['--version']).status === 0;

export const describeWithPromtool = describeWhenInstalled(
  installed,
  'there is no promtool on this machine (Debian package prometheus)',
);

/** Runs promtool in a folder. @returns its exit code and its output */
export function promtool(folder: string, ...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr, error } = spawnSync('promtool', args, { cwd: folder, encoding: 'utf8' });
  if (error) throw error;
  return { status, output: stdout + stderr };
}
