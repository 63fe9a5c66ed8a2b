import preset from '../../jest.preset.mjs';

export default {
  ...preset,
  globalSetup: '<rootDir>/src/harness/global-setup.mjs',
  // They want a real Keystone: jest.keystone.config.mjs.
  testPathIgnorePatterns: ['<rootDir>/src/keystone/'],
  testTimeout: 30_000,
};
