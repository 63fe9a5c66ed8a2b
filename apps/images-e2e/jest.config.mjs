import preset from '../../jest.preset.mjs';

export default {
  ...preset,
  globalSetup: '<rootDir>/src/harness/global-setup.mjs',
  // They need a container image, a real Keystone or Glance, or a quiet machine:
  // jest.{container,keystone,glance,clients}.config.mjs.
  testPathIgnorePatterns: [
    '<rootDir>/src/container/',
    '<rootDir>/src/keystone/',
    '<rootDir>/src/glance/',
    '<rootDir>/src/operation/hostile-clients.spec',
  ],
  testTimeout: 30_000,
};
