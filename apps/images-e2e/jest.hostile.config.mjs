import { run } from '../../jest.preset.mjs';
import { suites } from './jest.config.mjs';

/**
 * Suites whose subject is what the database holds and what is answered of it. They run once more on a PostgreSQL and a
 * machine that are set up unlike any other: src/harness/hostile.mjs. Suites about processes, packages, proxies,
 * Keystone and Glance would only take longer. Those about permissions, which depend on neither, run with `GLIMPSE_LONG`.
 */
const SUBJECTS = [
  'compute/changes',
  'compute/contract-replay',
  'compute/lists',
  'compute/page-example',
  'operation/database-settings',
  ...(process.env.GLIMPSE_LONG ? ['compute/isolation', 'compute/policy'] : []),
];

export default {
  ...suites,
  ...run,
  testMatch: [`<rootDir>/src/(${SUBJECTS.join('|')}).spec.ts`],
};
