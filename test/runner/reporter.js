import { relative } from 'node:path';
import process from 'node:process';

const COUNT = 10;

/** Prints the slowest test files and the time of the run. */
export default class SlowestFilesReporter {
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
  }
}
