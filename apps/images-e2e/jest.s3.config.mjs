import { run } from '../../jest.preset.mjs';
import { suites } from './jest.config.mjs';

/** `npm run test:s3`: the suites that want a real S3 service. */
export default {
  ...suites,
  ...run,
  testMatch: ['<rootDir>/src/s3/**/*.spec.ts'],
};
