/**
 * A Keystone for the tests of services.
 *
 * @module @glimpse/auth/testing
 */
export { FakeKeystone } from './fake-keystone.js';
export type { Behaviour, Call, FakeKeystoneOptions, KindOfCall, TokenToIssue } from './fake-keystone.js';
export type { ApplicationCredential, User } from './identity-api.js';
export type { CatalogEndpoint, CatalogService } from './documents.js';
