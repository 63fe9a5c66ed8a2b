export { checkAuthenticator, type AuthenticatorTrial } from './authenticator.js';
export { ConformanceError } from './conformance.js';
export { checkImageExtension, sampleImage } from './image-extension.js';
