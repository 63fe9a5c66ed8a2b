import { run } from '../../jest.preset.mjs';
import { suites } from './jest.config.mjs';

/**
 * Suites whose subject is what is written to the database and read from it: through both APIs, by commands, and by a
 * follower. They run once more on a PostgreSQL and a machine that are set up unlike any other: src/harness/hostile.mjs.
 *
 * The others are left out for one of these reasons:
 * - Responses are made before the database is queried, or of what the suites above read already: faults, paths, links,
 *   descriptions, tokens, plugins, pass-through, clients in other languages, metrics, the log.
 * - Another PostgreSQL is started, with settings of its own: embedded.spec, coherence.spec, failover.spec, stopping.spec,
 *   npm-start.spec and others.
 * - Times are compared, or the machine is loaded, and the suites on a real Glance run beside this run in CI.
 * - Roles and their rights are the subject, and are set up here already: doctor.spec, pooler.spec.
 */
const SUBJECTS = [
  'compute/changes',
  'compute/contract-replay',
  'compute/isolation',
  'compute/lists',
  'compute/page-example',
  'compute/policy',
  'compute/property-protections',
  'image/changes',
  'image/changes-replay',
  'image/contract-replay',
  'image/data',
  'image/import',
  'image/isolation',
  'image/lists',
  'image/property-protections',
  'image/stores',
  'operation/command',
  'operation/database-settings',
  'operation/odd-source',
  'operation/samples',
];

export default {
  ...suites,
  ...run,
  testMatch: [`<rootDir>/src/(${SUBJECTS.join('|')}).spec.ts`],
};
