import { run } from '../../jest.preset.mjs';
import { suites } from './jest.config.mjs';

/** `npm run test:clients`: hostile clients beside a well-behaved one, whose response times are compared. */
export default {
  ...suites,
  ...run,
  testMatch: ['<rootDir>/src/operation/hostile-clients.spec.ts'],
};
