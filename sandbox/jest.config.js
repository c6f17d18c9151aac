import root from '../jest.config.js';

const { testEnvironment, runtime, extensionsToTreatAsEsm, transform, testTimeout } = root;

/** @type {import('jest').Config} */
export default {
  testEnvironment,
  runtime,
  extensionsToTreatAsEsm,
  transform,
  testTimeout,
  testMatch: ['<rootDir>/test/**/*.spec.ts'],
};
