import config from './jest.config.mjs';

/** `npm run test:keystone`: the suites that want a real Keystone. */
export default {
  ...config,
  globalSetup: '<rootDir>/src/keystone/harness/global-setup.mjs',
  testMatch: ['<rootDir>/src/keystone/**/*.spec.ts'],
  testPathIgnorePatterns: [],
  testTimeout: 120_000,
};
