import { project, run } from '../../jest.preset.mjs';

/** What the suites need; other configurations of this folder choose other specs. */
export const suites = {
  ...project,
  rootDir: import.meta.dirname,
  globalSetup: '<rootDir>/src/harness/global-setup.mjs',
};

/**
 * Specs that compare times, or whose service has deadlines that other work would make it miss, or that load the machine
 * themselves. Each runs by itself, after all others, which run side by side.
 */
export const ALONE = [
  'operation/coherence',
  'operation/failover',
  'operation/follow-command',
  'operation/large-pages',
  'operation/lost-packets',
  'operation/outages',
  'operation/overload',
  'operation/rolling-restart',
  'operation/shared-cache',
].map((name) => `<rootDir>/src/${name}.spec.ts`);

/**
 * They need a container image, a real Keystone, Glance, Nova or S3 service, a quiet machine, or the previous release:
 * jest.{container,keystone,glance,nova,s3,clients,upgrade}.config.mjs.
 */
const ELSEWHERE = [
  '<rootDir>/src/container/',
  '<rootDir>/src/keystone/',
  '<rootDir>/src/glance/',
  '<rootDir>/src/nova/',
  '<rootDir>/src/s3/',
  '<rootDir>/src/operation/hostile-clients.spec',
  '<rootDir>/src/operation/upgrade.spec',
];

export default {
  ...run,
  projects: [
    { ...suites, displayName: 'beside others', testPathIgnorePatterns: [...ELSEWHERE, ...ALONE] },
    { ...suites, displayName: 'alone', testMatch: ALONE, runner: '<rootDir>/src/harness/alone-runner.mjs' },
  ],
};
