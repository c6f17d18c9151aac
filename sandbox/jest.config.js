import { project } from '../jest.config.js';

/** @type {import('jest').Config} */
export default {
  ...project,
  displayName: 'sandbox',
  testMatch: ['<rootDir>/test/**/*.spec.ts'],
};
