import { run } from '../../jest.preset.mjs';
import { suites } from './jest.config.mjs';

/** `npm run test:container`: the container image, run as the Kubernetes manifests describe its pods. */
export default {
  ...suites,
  ...run,
  globalSetup: '<rootDir>/src/container/harness/global-setup.mjs',
  testMatch: ['<rootDir>/src/container/**/*.spec.ts'],
  // They share names of images, and the memory of the machine.
  maxWorkers: 1,
  testTimeout: 60_000,
};
