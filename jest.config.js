import { availableParallelism } from 'node:os';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const runner = (name) => fileURLToPath(new URL(`test/runner/${name}`, import.meta.url));

/** @type {import('jest').Config} */
export const project = {
  // These load packages and sources once per worker, not once per file, which would cost 5 s of processor each.
  testEnvironment: runner('environment.js'),
  runtime: runner('runtime.js'),
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
};

/** @type {import('jest').Config} */
const gateway = {
  ...project,
  displayName: 'gateway',
  globalSetup: './test/support/global-setup.js',
  testMatch: ['unit', 'e2e', 'services'].map((folder) => `<rootDir>/test/${folder}/**/*.spec.ts`),
};
/** Gateways and servers as processes of their own: started, stopped, killed and cut off. */
const processes = {
  ...gateway,
  displayName: 'processes',
  testMatch: ['<rootDir>/test/processes/*.spec.ts'],
};
/** What is used: bytes that a request allocates, rows and pages that it reads, memory that caches keep. */
const work = { ...gateway, displayName: 'work', testMatch: ['<rootDir>/test/work/*.spec.ts'] };
/** Kills at random moments, floods, and fuzz. */
const chaos = { ...gateway, displayName: 'chaos', testMatch: ['<rootDir>/test/chaos/*.spec.ts'] };
/** What is around the gateway: images, manifests, documents, the command that runs the sandbox. */
const packaging = { ...gateway, displayName: 'packaging', testMatch: ['<rootDir>/test/packaging/*.spec.ts'] };

/** The console, in Chromium. */
const consolePage = { ...gateway, displayName: 'console', testMatch: ['<rootDir>/test/console/*.spec.ts'] };

/** @type {import('jest').Config} */
export default {
  // `npm run test:full` sets TEST_SCALE.
  projects:
    process.env['TEST_SCALE'] === undefined
      ? [gateway]
      : [gateway, processes, work, chaos, packaging, consolePage, '<rootDir>/sandbox'],
  reporters: ['default', runner('reporter.js')],
  showSeed: true,
  // Half of the time a test waits, for a server to start or a lease to expire.
  maxWorkers: Math.ceil(2.5 * availableParallelism()),
  // Never the measure of anything: only so long that a busy machine does not end a test.
  testTimeout: 60_000,
};
