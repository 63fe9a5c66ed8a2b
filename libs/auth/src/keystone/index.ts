export {
  createKeystoneAuthenticator,
  type KeystoneObservations,
  type KeystoneSurroundings,
  type ObserveKeystone,
} from './authenticator.js';
export type { Clock } from './known-tokens.js';
export { KeystoneOptions } from './options.js';
