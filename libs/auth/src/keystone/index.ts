export {
  createKeystoneAuthenticator,
  type KeystoneHooks,
  type KeystoneObservations,
  type ObserveKeystone,
} from './authenticator.js';
export { endpointName, findEndpoint, type Endpoint, type EndpointFilter } from './catalog.js';
export { KeystoneUnavailable } from './errors.js';
export { KeystoneOptions } from './options.js';
export type { ServiceToken } from './own-token.js';
export type { RestrictedToken } from './restricted-token.js';
export { createServiceCredentials, type ServiceCredentials } from './service-credentials.js';
export type { Clock } from './token-cache.js';
