/**
 * A real S3 service for suites.
 *
 * @module @glimpse/data/testing
 */
export { describeWithSwift, type Swift } from './swift.js';
