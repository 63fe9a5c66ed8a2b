/**
 * Holds a plugin against its contract, under any test runner.
 *
 * @module @glimpse/plugins/testing
 */
export { checkAuthenticator, type AuthenticatorTrial } from './authenticator.js';
export { ConformanceError } from './conformance.js';
export { checkImageData } from './image-data.js';
export { checkImageExtension, sampleImage } from './image-extension.js';
export { checkImageSource, type ImageSourceTrial } from './image-source.js';
