import { run } from '../../jest.preset.mjs';
import { suites } from './jest.config.mjs';

/** `npm run test:nova`: the suites that need a real Nova. */
export default {
  ...suites,
  ...run,
  globalSetup: '<rootDir>/src/nova/harness/global-setup.mjs',
  testMatch: ['<rootDir>/src/nova/**/*.spec.ts'],
  // They share one Nova, and start the service at the address of its Glance.
  maxWorkers: 1,
  testTimeout: 120_000,
};
