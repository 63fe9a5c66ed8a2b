/**
 * Authentication of requests by Keystone's tokens, and policy.
 *
 * @module @glimpse/auth
 */
export * from './access-rules.js';
export * from './deprecated.js';
export * from './development.js';
export * from './errors.js';
export * from './identities.js';
export {
  authenticateRequest,
  type RequestAuthenticator,
  type RequestToAuthenticate,
} from './authenticate-request.js';
export * from './keystone/index.js';
export { isNoCache } from './no-cache.js';
export * from './policy/index.js';
