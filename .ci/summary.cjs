// node summary.cjs <results of jest --json> <exit status>: prints how many tests passed and failed, on one line.
const { readFileSync } = require('node:fs');

const [, , file, status] = process.argv;
const text = readFileSync(file, 'utf8');
const {
  numPassedTests = 0,
  numFailedTests = 0,
  numRuntimeErrorTestSuites = 0,
} = text === '' ? {} : JSON.parse(text);
// A test file that cannot be loaded counts as a failure, and so does any other step that failed.
const failed = numFailedTests + numRuntimeErrorTestSuites;
process.stdout.write(`${numPassedTests} passed, ${status === '0' ? failed : Math.max(1, failed)} failed\n`);
