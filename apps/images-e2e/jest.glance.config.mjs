import { run } from '../../jest.preset.mjs';
import { suites } from './jest.config.mjs';

/** `npm run test:glance`: the suites that want a real Glance. */
export default {
  ...suites,
  ...run,
  globalSetup: '<rootDir>/src/glance/harness/global-setup.mjs',
  testMatch: ['<rootDir>/src/glance/**/*.spec.ts'],
  // They share one Glance.
  maxWorkers: 1,
  testTimeout: 120_000,
};
