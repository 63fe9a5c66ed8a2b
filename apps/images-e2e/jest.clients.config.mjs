import config from './jest.config.mjs';

/** `npm run test:clients`: hostile clients beside a well-behaved one, whose response times are compared. */
export default {
  ...config,
  testMatch: ['<rootDir>/src/operation/hostile-clients.spec.ts'],
  testPathIgnorePatterns: [],
};
