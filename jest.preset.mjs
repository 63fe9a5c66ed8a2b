import { fileURLToPath } from 'node:url';

/** What every project's Jest run has in common: TypeScript through SWC, ESM, workspace sources. */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/src/**/*.spec.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'es6' },
      },
    ],
  },
  testEnvironmentOptions: { customExportConditions: ['@glimpse/source', 'node', 'node-addons'] },
  reporters: ['default', fileURLToPath(new URL('tools/test-counts.mjs', import.meta.url))],
  testSequencer: fileURLToPath(new URL('tools/longest-first.mjs', import.meta.url)),
  // A busy machine is no failure: Jest's five seconds have been too short on one.
  testTimeout: 60_000,
  maxWorkers: '100%',
  workerIdleMemoryLimit: '1GB',
};
