import { fileURLToPath } from 'node:url';

/** What every project has in common: TypeScript through SWC, ESM, workspace sources. */
export const project = {
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
};

/** Options of a run, which may have several projects. */
export const run = {
  reporters: ['default', fileURLToPath(new URL('tools/test-counts.mjs', import.meta.url))],
  testSequencer: fileURLToPath(new URL('tools/longest-first.mjs', import.meta.url)),
  // A busy machine is no failure: Jest's five seconds have been too short on one.
  testTimeout: 60_000,
  // Two cores would get one worker, and suites wait for databases and processes half of their time.
  maxWorkers: '100%',
  workerIdleMemoryLimit: '1GB',
  // There, a worker that leaks nothing may need longer to end than Jest's half second.
  workerGracefulExitTimeout: 10_000,
};

export default { ...project, ...run };
