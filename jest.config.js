import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

/** @type {import('jest').Config} */
export default {
  projects: ['<rootDir>', '<rootDir>/sandbox'],
  // These load packages and sources once per worker, not once per file, which costs 5 s of processor each.
  testEnvironment: fileURLToPath(new URL('test/runner/environment.js', import.meta.url)),
  runtime: fileURLToPath(new URL('test/runner/runtime.js', import.meta.url)),
  // Much of the time a test waits, for a server to start or a claim to lapse: two at once also pay on two cores.
  maxWorkers: Math.max(2, availableParallelism() - 1),
  globalSetup: './test/support/make-template.js',
  testMatch: ['<rootDir>/test/**/*.spec.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2024',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'es6' },
      },
    ],
  },
  // Never the measure of anything: only so long that a busy machine does not end a test.
  testTimeout: 60_000,
  workerIdleMemoryLimit: '1GB',
};
