import root from '../jest.config.js';

const { testEnvironment, extensionsToTreatAsEsm, moduleNameMapper, transform, testTimeout } = root;

/** @type {import('jest').Config} */
export default {
  testEnvironment,
  extensionsToTreatAsEsm,
  moduleNameMapper,
  transform,
  testTimeout,
  testMatch: ['<rootDir>/test/**/*.spec.ts'],
};
