// node summary.cjs <exit status> <results of jest --json>...: prints how many tests passed and failed, on one line.
const { existsSync, readFileSync } = require('node:fs');

const [, , status, ...files] = process.argv;
let passed = 0;
let failed = 0;
for (const file of files.filter((each) => existsSync(each))) {
  const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = JSON.parse(
    readFileSync(file, 'utf8'),
  );
  passed += numPassedTests;
  // A test file that cannot be loaded counts as a failure.
  failed += numFailedTests + numRuntimeErrorTestSuites;
}
// And so does any other step that failed.
process.stdout.write(`${passed} passed, ${status === '0' ? failed : Math.max(1, failed)} failed\n`);
