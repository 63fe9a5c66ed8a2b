import preset from '../../jest.preset.mjs';

export default {
  ...preset,
  globalSetup: '<rootDir>/src/harness/global-setup.mjs',
  testTimeout: 30_000,
};
