export {
  createKeystoneAuthenticator,
  type KeystoneObservations,
  type ObserveKeystone,
} from './authenticator.js';
export type { Clock } from './known-tokens.js';
export { KeystoneOptions, readKeystoneOptions } from './options.js';
