import preset from '../../jest.preset.mjs';

export default {
  ...preset,
  globalSetup: '<rootDir>/src/harness/global-setup.mjs',
  // They want a real Keystone or Glance: jest.keystone.config.mjs, jest.glance.config.mjs.
  testPathIgnorePatterns: ['<rootDir>/src/keystone/', '<rootDir>/src/glance/'],
  testTimeout: 30_000,
};
