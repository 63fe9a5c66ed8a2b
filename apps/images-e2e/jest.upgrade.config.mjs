import { run } from '../../jest.preset.mjs';
import { suites } from './jest.config.mjs';

/** Part of `npm run test:long`: the previous release is built first, which takes minutes. */
export default {
  ...suites,
  ...run,
  testMatch: ['<rootDir>/src/operation/upgrade.spec.ts'],
};
