/**
 * The contracts that extend Glimpse, the loader that checks them, and options.
 *
 * @module @glimpse/plugins
 */
export { isolateAuthenticator } from './authenticator.js';
export * from './contract.js';
export type { OnFault } from './fault.js';
export { isolateImageData } from './image-data.js';
export { isolateImageExtension } from './image-extension.js';
export { isolateImageSource } from './image-source.js';
export * from './load.js';
export {
  InvalidOptions,
  Matching,
  Nested,
  OneOf,
  Optional,
  Secret,
  Text,
  TrueOrFalse,
  WholeNumber,
  readOptions,
} from '@glimpse/options';
