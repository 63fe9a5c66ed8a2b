export {
  createKeystoneAuthenticator,
  type KeystoneObservations,
  type KeystoneSurroundings,
  type ObserveKeystone,
} from './authenticator.js';
export { CannotAsk } from './cannot-ask.js';
export type { Clock } from './known-tokens.js';
export { KeystoneOptions } from './options.js';
export type { ServiceToken } from './own-token.js';
export type { RestrictedToken } from './restricted-token.js';
export { createServiceCredentials, type ServiceCredentials } from './service-credentials.js';
export type { Endpoint } from './token-document.js';
