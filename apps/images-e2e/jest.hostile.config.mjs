import { run } from '../../jest.preset.mjs';
import { ALONE, suites } from './jest.config.mjs';

/**
 * All suites but those of other configurations run once more on a PostgreSQL and a machine that are set up unlike any
 * other: src/harness/hostile.mjs. These are left out.
 */
const LEFT_OUT = [
  // They compare times, or load the machine, and other suites run beside these in CI.
  ...ALONE,
  // They start a PostgreSQL of their own, with its own settings.
  ...['database-tls', 'embedded', 'installed-postgresql', 'npm-start', 'stopping'].map(operation),
  // They hold locks for seconds by a connection of their own, which the role's time limits end.
  '<rootDir>/src/compute/list-fairness.spec.ts',
  // Roles and their rights are the subject, or tables that another role makes; they are set up here already.
  ...['doctor', 'migrate-killed', 'pooler'].map(operation),
  // They need no database.
  ...['alerts', 'deploy', 'supply-chain', 'tools'].map(operation),
  '<rootDir>/src/libraries/',
  // Other configurations have them.
  ...['container', 'glance', 'keystone', 'nova', 's3'].map((folder) => `<rootDir>/src/${folder}/`),
  ...['hostile-clients', 'upgrade'].map(operation),
];

function operation(name) {
  return `<rootDir>/src/operation/${name}.spec.ts`;
}

export default {
  ...suites,
  ...run,
  testPathIgnorePatterns: LEFT_OUT,
};
