// node tally.cjs <results of jest --json> <exit status>: says on one line how many tests passed and failed.
const { readFileSync } = require('node:fs');

const [, , file, status] = process.argv;
const text = readFileSync(file, 'utf8');
const {
  numPassedTests = 0,
  numFailedTests = 0,
  numRuntimeErrorTestSuites = 0,
} = text === '' ? {} : JSON.parse(text);
// A file that cannot even be loaded is a failure, and so is a step other than the tests.
const failed = numFailedTests + numRuntimeErrorTestSuites;
process.stdout.write(`${numPassedTests} passed, ${status === '0' ? failed : Math.max(1, failed)} failed\n`);
