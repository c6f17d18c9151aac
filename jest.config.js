import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

/** @type {import('jest').Config} */
export default {
  projects: ['<rootDir>', '<rootDir>/sandbox'],
  testEnvironment: 'node',
  // Much of the time a test waits, for a server to start or a claim to lapse: two at once also pay on two cores.
  maxWorkers: Math.max(2, availableParallelism() - 1),
  globalSetup: './test/support/make-template.js',
  // @nestjs/throttler is CommonJS and requires Nest, which jest can only once it has loaded Nest.
  setupFiles: ['<rootDir>/test/support/load-nest.js'],
  testMatch: ['<rootDir>/test/**/*.spec.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  // The sources import each other with the extension that they have once built.
  moduleNameMapper: {
    '^(\\.{1,2}/(?!.*(?:build|dist)/).*)\\.js$': '$1',
    '^@rewards-gateway/sandbox$': fileURLToPath(new URL('sandbox/src/index.ts', import.meta.url)),
  },
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
