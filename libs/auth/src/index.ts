/**
 * Tokens from Keystone, what a request is judged by, and policy.
 *
 * @module @glimpse/auth
 */
export * from './access-rules.js';
export * from './deprecated.js';
export * from './development.js';
export * from './errors.js';
export * from './identities.js';
export { judgeRequest, type Judge, type JudgedRequest } from './authenticate-request.js';
export * from './keystone/index.js';
export * from './policy/index.js';
