import { relative } from 'node:path';
import process from 'node:process';

const COUNT = 10;
const maxSeconds = Number(process.env['MAX_FILE_SECONDS'] ?? Infinity);

/** Prints the slowest test files, and fails the run when one takes longer than `MAX_FILE_SECONDS`. */
export default class SlowestFilesReporter {
  #error;

  onRunComplete(_contexts, { testResults, startTime }) {
    const files = testResults
      .map(({ testFilePath, perfStats }) => ({
        path: relative(process.cwd(), testFilePath),
        seconds: perfStats.runtime / 1000,
      }))
      .toSorted((one, other) => other.seconds - one.seconds);
    const lines = files
      .slice(0, COUNT)
      .map(({ path, seconds }) => `${seconds.toFixed(1).padStart(7)} s  ${path}`);
    const total = (Date.now() - startTime) / 1000;
    console.log(
      `\nThe slowest of ${files.length} test files, in ${total.toFixed(0)} s:\n${lines.join('\n')}`,
    );

    const tooSlow = files.filter(({ seconds }) => seconds > maxSeconds);
    if (tooSlow.length === 0) return;
    this.#error = new Error(`${tooSlow.length} test files took longer than ${maxSeconds} s`);
    console.error(this.#error.message);
  }

  getLastError() {
    return this.#error;
  }
}
