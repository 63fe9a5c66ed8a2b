/**
 * A Keystone for the tests of services.
 *
 * @module @glimpse/auth/testing
 */
export { FakeKeystone } from './fake-keystone.js';
export type { Behaviour, Call, FakeKeystoneOptions, KindOfCall, TokenToIssue } from './fake-keystone.js';
export type { User } from './auth-request.js';
export type { ApplicationCredential } from './application-credentials.js';
export type { CatalogEndpoint, CatalogService } from './documents.js';
