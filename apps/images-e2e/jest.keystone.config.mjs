import { run } from '../../jest.preset.mjs';
import { suites } from './jest.config.mjs';

/** `npm run test:keystone`: the suites that want a real Keystone. */
export default {
  ...suites,
  ...run,
  globalSetup: '<rootDir>/src/keystone/harness/global-setup.mjs',
  testMatch: ['<rootDir>/src/keystone/**/*.spec.ts'],
  testTimeout: 120_000,
};
