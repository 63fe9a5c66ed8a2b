/**
 * Images for tests.
 *
 * @module @glimpse/domain/testing
 */
export { imageOf, sourceImageOf } from './images.js';
