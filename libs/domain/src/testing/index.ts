/**
 * Images for tests, and a way to wait for what happens meanwhile.
 *
 * @module @glimpse/domain/testing
 */
export { imageOf, membersOf, sourceImageOf } from './images.js';
export { listOf, type ListedImage } from './list-of.js';
export { until } from './until.js';
export { growth } from './growth.js';
export { openFiles } from './open-files.js';
